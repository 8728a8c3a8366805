"""The house rules for schemas: what is loose today cannot be tightened tomorrow."""

from __future__ import annotations

import re

import pytest
from tests.contract.schema import KINDS, Node, definition, nodes, root, rules, version

from modelwright.api.durations import PATTERN

EACH_KIND = pytest.mark.parametrize("kind", KINDS)

TEMPLATE = "spec.workload.deployment.template"
# These name fields, and are written as fields are.
FIELD_NAMES = {"spec.pipeline.parameters[].valueFrom.trigger", "spec.pipeline.parameters[].valueFrom.champion"}


def all_nodes(kind: str) -> tuple[Node, ...]:
    return nodes(kind, "spec") + nodes(kind, "status")


@EACH_KIND
def test_every_field_is_described_in_a_sentence_that_begins_with_its_name(kind: str) -> None:
    for node in all_nodes(kind):
        if not node.name.endswith("[]"):
            assert re.fullmatch(rf"{node.name}\b.*\.", node.schema["description"], re.DOTALL), node.path


@EACH_KIND
def test_nothing_is_a_float_a_boolean_or_a_free_map(kind: str) -> None:
    for node in all_nodes(kind):
        for schema in (node.schema, node.schema.get("items", {})):
            assert schema.get("type", "object") in ("object", "array", "string", "integer"), node.path
            assert "additionalProperties" not in schema, node.path
            assert "x-kubernetes-int-or-string" not in schema, node.path


@EACH_KIND
def test_everything_has_bounds(kind: str) -> None:
    for node in all_nodes(kind):
        inner = node.schema.get("items", node.schema)
        if inner["type"] == "string":
            assert {"maxLength", "enum"} & set(inner) or inner.get("format") == "date-time", node.path
        if inner["type"] == "integer":
            assert "minimum" in inner, node.path
            assert "maximum" in inner or inner["format"] == "int64", node.path
        if node.schema["type"] == "array":
            assert "maxItems" in node.schema, node.path
            assert node.schema["x-kubernetes-list-type"] in ("atomic", "map", "set"), node.path


@EACH_KIND
def test_enums_are_written_in_pascal_case(kind: str) -> None:
    for node in all_nodes(kind):
        for value in node.schema.get("enum", ()):
            if node.path not in FIELD_NAMES and node.name != "group":
                assert re.fullmatch(r"[A-Z][A-Za-z]+", value), node.path


@EACH_KIND
def test_only_the_pod_template_keeps_unknown_fields(kind: str) -> None:
    for node in all_nodes(kind):
        assert ("x-kubernetes-preserve-unknown-fields" in node.schema) == (node.path == TEMPLATE), node.path


@EACH_KIND
def test_durations_are_those_that_we_can_read(kind: str) -> None:
    durations = [node for node in all_nodes(kind) if "(h|m|s|ms)" in node.schema.get("pattern", "")]
    assert {node.schema["pattern"] for node in durations} == {PATTERN}


@EACH_KIND
def test_only_the_status_itself_and_what_is_scaled_have_a_default(kind: str) -> None:
    scaled = ["spec.replicas"] if kind == "ModelRollout" else []
    assert [node.path for node in all_nodes(kind) if "default" in node.schema] == scaled
    assert root(kind).schema["properties"]["status"]["default"] == {"observedGeneration": -1}


@EACH_KIND
def test_rules_say_what_must_be(kind: str) -> None:
    assert rules(kind)
    for rule in rules(kind):
        assert "must" in rule.message, rule


@EACH_KIND
def test_names_are_those_that_people_type(kind: str) -> None:
    names = definition(kind)["spec"]["names"]
    short = {"ModelRollout": "mro", "RetrainPolicy": "rp", "RetrainRun": "rr"}[kind]
    assert names["shortNames"] == [short]
    assert names["categories"] == ["modelwright"]
    assert set(version(kind)["subresources"]) == {"status", *(["scale"] if kind == "ModelRollout" else [])}
