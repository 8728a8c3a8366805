"""The schema of each spec is what parsing reads: same fields, same obligations, same choices, in both directions.

Parsing is watched while it reads every accepted manifest, and again with each field taken away.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from enum import StrEnum
from functools import cache
from typing import Any

import pytest
from tests.contract.corpus import accepted, merged
from tests.contract.schema import KINDS, nodes

from modelwright.api.ab_test import OnUndecided
from modelwright.api.approval import ApprovedBy, Required
from modelwright.api.drift import DriftPreset
from modelwright.api.following import WhenNewer
from modelwright.api.gate import Severity, WhenNoChampion
from modelwright.api.goals import Futility, Role, Unit, WholeWeeks
from modelwright.api.limits import Concurrency
from modelwright.api.metrics import Mode, RequiredFor, Season
from modelwright.api.parsing import parse_policy, parse_rollout, parse_run
from modelwright.api.pipelines import Caching, Spot
from modelwright.api.presets import Preset, Server
from modelwright.api.publish import PublishWhen
from modelwright.api.rollout import (
    CandidateReplicas,
    Confirm,
    MatchType,
    OnDeadline,
    OnNoData,
    OnPassed,
    Promote,
    RouteForTesters,
    SmokeCheck,
    State,
)
from modelwright.api.run import Purpose
from modelwright.api.triggers import Action, RearmAfter
from modelwright.cli.watched import Watched
from modelwright.errors import InvalidSpec

MISSED = ("must be set", "must be set, and not empty")
_INDEX = re.compile(r"\[\d+\]")

PARSE = {"ModelRollout": parse_rollout, "RetrainPolicy": parse_policy, "RetrainRun": parse_run}
EACH_KIND = pytest.mark.parametrize("kind", KINDS)

TEMPLATE = "spec.workload.deployment.template"
# Passed on as it was written, field by field, to the route that is made.
PASSED_ON = tuple(f"spec.traffic.{route}.managed.parentRefs[]." for route in ("httpRoute", "grpcRoute"))
# A rule requires it wherever there is no preset; the schema by itself cannot.
_METRIC = "spec.analysis.metrics[]"
REQUIRED_BY_A_RULE = {
    f"{_METRIC}.compare",
    # Of a goal.
    f"{_METRIC}.compare.stable",
    f"{_METRIC}.compare.stable.maxDecrease",
    f"{_METRIC}.proportion.unit",
    f"{_METRIC}.mean.unit",
}
# Where it is money.
REQUIRED_BY_A_RULE_OF_POLICIES = {"spec.limits.budget.perDay.currency", "spec.limits.budget.perMonth.currency"}
BY_A_RULE = {"ModelRollout": REQUIRED_BY_A_RULE, "RetrainPolicy": REQUIRED_BY_A_RULE_OF_POLICIES}

ENUMS: dict[str, type[StrEnum]] = {
    "spec.state": State,
    "spec.limits.concurrency": Concurrency,
    "spec.modelFrom.whenNewer": WhenNewer,
    "spec.workload.deployment.candidateReplicas": CandidateReplicas,
    "spec.traffic.confirm": Confirm,
    "spec.traffic.grpcRoute.attached.testersRoute": RouteForTesters,
    "spec.traffic.httpRoute.attached.testersRoute": RouteForTesters,
    "spec.strategy.canary.steps[].match.headers[].type": MatchType,
    "spec.strategy.blueGreen.promote": Promote,
    "spec.strategy.abTest.onUndecided": OnUndecided,
    "spec.analysis.metrics[].role": Role,
    "spec.analysis.metrics[].proportion.unit": Unit,
    "spec.analysis.metrics[].mean.unit": Unit,
    "spec.analysis.metrics[].compare.stable.futility": Futility,
    "spec.analysis.metrics[].compare.stable.wholeWeeks": WholeWeeks,
    "spec.strategy.shadow.onPassed": OnPassed,
    "spec.promotion.smokeCheck": SmokeCheck,
    "spec.analysis.onDeadline": OnDeadline,
    "spec.analysis.onNoData": OnNoData,
    "spec.analysis.metrics[].preset": Preset,
    "spec.analysis.metrics[].server": Server,
    "spec.analysis.metrics[].requiredFor": RequiredFor,
    "spec.analysis.metrics[].mode": Mode,
    "spec.analysis.metrics[].compare.history.season": Season,
    "spec.triggers[].metric.history.season": Season,
    "spec.gate.checks[].findings.worstSeverity": Severity,
    "spec.gate.whenNoChampion": WhenNoChampion,
    "spec.publish.when": PublishWhen,
    "spec.gate.approval.required": Required,
    "spec.gate.approval.by": ApprovedBy,
    "spec.pipeline.caching": Caching,
    "spec.triggers[].action": Action,
    "spec.purpose": Purpose,
    "spec.triggers[].rearm.after": RearmAfter,
    "spec.triggers[].drift.preset": DriftPreset,
    "spec.pipeline.resources.spot": Spot,
}
# Enums that name fields of ours, and constants of the Gateway API.
OTHER_ENUMS = {
    "spec.pipeline.parameters[].valueFrom.trigger",
    "spec.pipeline.parameters[].valueFrom.champion",
    *(f"{reference}{field}" for reference in PASSED_ON for field in ("group", "kind")),
}


@cache
def bodies(kind: str) -> tuple[dict[str, Any], ...]:
    server_side = {"metadata": {"uid": "u", "generation": 1, "resourceVersion": "1"}}
    return tuple(merged(body, server_side) for body in accepted().values() if body["kind"] == kind)


def asked_for(kind: str) -> set[str]:
    asked: set[str] = set()
    for body in bodies(kind):
        PARSE[kind](Watched(body, asked))
    return {path for path in asked if path.startswith("spec.") and not path.startswith(f"{TEMPLATE}.")}


@EACH_KIND
def test_parsing_reads_every_field_of_the_schema(kind: str) -> None:
    # A list of objects is asked for by its own name, its elements by those of their fields.
    fields = {node.path for node in nodes(kind, "spec") if not node.path.endswith("[]")}
    assert fields - asked_for(kind) == set()


@EACH_KIND
def test_parsing_asks_for_nothing_that_the_schema_lacks(kind: str) -> None:
    asked = asked_for(kind)
    assert asked - {node.path for node in nodes(kind, "spec")} == set()


@EACH_KIND
def test_every_field_of_the_schema_is_in_an_accepted_manifest(kind: str) -> None:
    present = {path for body in bodies(kind) for path in _paths(body["spec"], "spec")}
    assert {node.path for node in nodes(kind, "spec")} - present == set()


@EACH_KIND
def test_parsing_requires_what_the_schema_requires_and_nothing_else(kind: str) -> None:
    fields = [n for n in nodes(kind, "spec") if not n.path.endswith("[]") and not n.path.startswith(PASSED_ON)]
    by_schema = {node.path for node in fields if node.required}
    by_parsing = {node.path for node in fields if _is_missed(kind, node.path)}
    assert by_parsing - by_schema == BY_A_RULE.get(kind, set())
    assert by_schema - by_parsing == set()


@EACH_KIND
def test_every_value_of_an_enum_is_one_of_its_type(kind: str) -> None:
    with_enum = {node.path: node.schema["enum"] for node in nodes(kind, "spec") if "enum" in node.schema}
    assert set(with_enum) - set(ENUMS) - OTHER_ENUMS == set()
    for path, values in with_enum.items():
        if path in ENUMS:
            assert values == list(ENUMS[path]), path


def _is_missed(kind: str, path: str) -> bool:
    """Whether parsing asks for `path` to be set, in a manifest from which it was taken away."""
    for body in bodies(kind):
        for without in _without(body, path):
            try:
                PARSE[kind](without)
            except InvalidSpec as error:
                if _INDEX.sub("[]", error.path) == path and error.message in MISSED:
                    return True
    return False


def _without(body: dict[str, Any], path: str) -> Iterator[dict[str, Any]]:
    """`body` without what is at `path`, if it is there."""
    changed = copy.deepcopy(body)
    *parents, last = path.split(".")
    found: list[Any] = [changed]
    for name in parents:
        name, brackets, _ = name.partition("[]")
        found = [value[name] for value in found if name in value]
        found = [item for value in found for item in value] if brackets else found
    holders = [value for value in found if last in value]
    for value in holders:
        del value[last]
    if holders:
        yield changed


def _paths(value: Any, path: str) -> Iterator[str]:
    yield path
    if path == TEMPLATE:
        return
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _paths(inner, f"{path}.{name}")
    if isinstance(value, list):
        for inner in value:
            yield from _paths(inner, f"{path}[]")
