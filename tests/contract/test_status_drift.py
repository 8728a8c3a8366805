"""The schema of each status is its type: same fields, same types, same obligations, in both directions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, get_args, get_origin

import pytest
from tests.contract.schema import Node, nodes

from modelwright.api.models import Model
from modelwright.api.policy import PolicyStatus
from modelwright.api.records import field_types, is_inlined, is_required, stored_name
from modelwright.api.rollout import RolloutStatus
from modelwright.api.run import Evidence, RunStatus

STATUSES = [("ModelRollout", RolloutStatus), ("RetrainPolicy", PolicyStatus), ("RetrainRun", RunStatus)]


@dataclass(frozen=True)
class Leaf:
    """What one field may hold: `shape` is string, integer, date-time, duration, or the values of an enum."""

    path: str
    shape: str | tuple[str, ...]
    required: bool


@pytest.mark.parametrize(("kind", "status"), STATUSES)
def test_a_status_has_the_fields_of_its_schema(kind: str, status: type) -> None:
    in_schema = {leaf for node in nodes(kind, "status") if (leaf := _of_schema(node))}
    in_types = set(_of_types(status, "status"))
    assert in_types - in_schema == set(), "the operator would write what the API server drops"
    assert in_schema - in_types == set(), "the schema promises what the operator never writes"


def test_the_evidence_of_a_run_has_the_fields_of_its_schema() -> None:
    in_schema = {
        leaf for node in nodes("RetrainRun", "spec") if (leaf := _of_schema(node)) and "evidence[]." in leaf.path
    }
    assert set(_of_types(Evidence, "spec.evidence[]")) == in_schema


def _of_schema(node: Node) -> Leaf | None:
    if not node.is_leaf:
        return None
    shape: str | tuple[str, ...] = node.schema["type"]
    # The three values of a condition's status are text in the types, as they are Kubernetes' own.
    if "enum" in node.schema and not node.path.endswith("conditions[].status"):
        shape = tuple(node.schema["enum"])
    elif node.schema.get("format") == "date-time":
        shape = "date-time"
    elif "(h|m|s|ms)" in node.schema.get("pattern", ""):
        shape = "duration"
    # A condition is complete only after `carry_over`, which alone knows the time.
    return Leaf(node.path, shape, node.required and not node.path.endswith("conditions[].lastTransitionTime"))


def _of_types(kind: Any, path: str) -> Iterator[Leaf]:
    for field in fields(kind):
        if is_inlined(kind, field):
            yield from _of_types(Model, path)
            continue
        hint, here = field_types(kind)[field.name], f"{path}.{stored_name(field)}"
        if get_origin(hint) is tuple:
            yield from _of_types(get_args(hint)[0], f"{here}[]")
        elif shape := _shape(hint):
            yield Leaf(here, shape, is_required(field))
        else:
            yield from _of_types(hint, here)


def _shape(hint: Any) -> str | tuple[str, ...]:
    """Empty for what has fields of its own."""
    if issubclass(hint, StrEnum):
        return tuple(hint)
    return {str: "string", int: "integer", datetime: "date-time", timedelta: "duration"}.get(hint, "")
