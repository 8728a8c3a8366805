"""Finds what is wrong with manifests by reading them as the operator does, and watching what it does not read."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import yaml

from modelwright.api.parsing import parse_policy, parse_rollout, parse_run
from modelwright.api.policy import RetrainPolicy
from modelwright.api.rollout import ModelRollout
from modelwright.api.serialising import API_VERSION
from modelwright.cli.fitting import misfits
from modelwright.cli.watched import Watched
from modelwright.configuration import Configuration
from modelwright.errors import InvalidSpec
from modelwright.retraining.plan.triggers.reach import out_of_reach

PARSERS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "ModelRollout": parse_rollout,
    "RetrainPolicy": parse_policy,
    "RetrainRun": parse_run,
}
GROUP = API_VERSION.partition("/")[0]
# What an API server adds to an object, and parsing relies on.
SERVER_SIDE = {"namespace": "default", "uid": "lint", "generation": 1, "resourceVersion": "1"}
# Passed on as it is written: the API server checks it when it becomes a Deployment.
PASSED_ON = re.compile(r"\.template\b")


@dataclass(frozen=True)
class Report:
    """`looked_at` counts manifests of our kinds."""

    looked_at: int
    problems: tuple[str, ...]


def problems(text: str, platform: Configuration | None = None, namespace: str | None = None) -> Report:
    """All that is wrong with the manifests in `text`, one line each, beginning with the object and the path.

    With the configuration of a `platform` also what does not fit it. `namespace` is that of manifests that name none.
    """
    try:
        documents = [document for document in yaml.safe_load_all(text) if document]
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        return Report(0, (f"is not YAML{f': line {mark.line + 1}' if mark else ''}",))
    ours = [body for document in documents for body in _objects(document)]
    return Report(len(ours), tuple(line for body in ours for line in _lint(body, platform, namespace)))


def rollouts(text: str, namespace: str | None = None) -> Iterator[ModelRollout]:
    """The ModelRollouts of `text` that can be read."""
    with suppress(yaml.YAMLError):
        for document in yaml.safe_load_all(text):
            for body in _objects(document):
                with suppress(InvalidSpec):
                    if body.get("kind") == "ModelRollout" and body.get("apiVersion") == API_VERSION:
                        yield parse_rollout(_filled(body, namespace))


def _objects(document: Any) -> Iterator[Mapping[str, Any]]:
    if not isinstance(document, Mapping):
        return
    if document.get("kind") == "List":
        for item in document.get("items") or ():
            yield from _objects(item)
        return
    group = str(document.get("apiVersion", "")).partition("/")[0]
    if group == GROUP or ("apiVersion" not in document and document.get("kind") in PARSERS):
        yield document


def _lint(body: Mapping[str, Any], platform: Configuration | None, namespace: str | None) -> Iterator[str]:
    metadata = body.get("metadata") or {}
    named = f"{body.get('kind')}/{metadata.get('name', '')}"
    parse = PARSERS.get(str(body.get("kind")))
    if "apiVersion" not in body:
        yield f"{named}: apiVersion: is missing, and must be {API_VERSION}"
        return
    if body.get("apiVersion") != API_VERSION or parse is None:
        yield f"{named}: {body.get('apiVersion')} has no kind {body.get('kind')}: known are {', '.join(PARSERS)}"
        return
    asked: set[str] = set()
    try:
        read = parse(Watched(_filled(body, namespace), asked))
    except InvalidSpec as error:
        # What comes after the first mistake was not read: nothing can be said about it yet.
        yield f"{named}: {error}"
        return
    for path in _paths(body.get("spec"), "spec"):
        if re.sub(r"\[\d+\]", "[]", path) not in asked and not PASSED_ON.search(path):
            yield f"{named}: {path}: is not a field, or means nothing beside what else is set"
    if isinstance(read, RetrainPolicy):
        yield from (f"{named}: {path}: {message}" for path, message in out_of_reach(read.spec, datetime.now(UTC)))
    if platform:
        yield from (f"{named}: {line}" for line in misfits(read, platform))


def _filled(body: Mapping[str, Any], namespace: str | None) -> Mapping[str, Any]:
    given = {"namespace": namespace} if namespace else {}
    return {**body, "metadata": {**SERVER_SIDE, **given, **(body.get("metadata") or {})}}


def _paths(value: Any, path: str) -> Iterator[str]:
    if isinstance(value, Mapping):
        for name, inner in value.items():
            yield f"{path}.{name}"
            yield from _paths(inner, f"{path}.{name}")
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from _paths(inner, f"{path}[{i}]")
