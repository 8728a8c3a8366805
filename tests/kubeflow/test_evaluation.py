"""Reading evaluation.json: what is in order, and that whatever is not is named by its path."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from tests.kubeflow.documents import DIGEST, document, spoiled

from modelwright.errors import InvalidSpec
from modelwright.kubeflow.evaluation_parsing import parse_evaluation

SCHEMA = Path(__file__).parents[2] / "pipelines/modelwright_pipelines/evaluation.schema.json"


def test_a_document_in_order_is_read_whole() -> None:
    evaluation = parse_evaluation(document())
    assert evaluation.model.digest == DIGEST
    assert evaluation.champion is not None
    assert evaluation.champion.rescored
    assert evaluation.evaluate.label_horizon == timedelta(seconds=2)
    assert evaluation.metrics["accuracy"].value == 0.93
    assert evaluation.comparisons["accuracy"].low == 0.01


def test_the_first_model_has_no_champion() -> None:
    assert parse_evaluation(document(champion=None, comparisons={})).champion is None


def test_the_document_of_these_tests_fits_the_published_schema() -> None:
    jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text())).validate(document())


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("schemaVersion", "v2"),
        ("runUid", ...),
        ("runUid", ""),
        ("runUid", "x" * 1025),
        ("model", []),
        ("model.digest", "sha256:abc"),
        ("model.signature", ...),
        ("model.runtime", ...),
        ("champion.rescored", True),
        ("champion.rescored", ...),
        ("train.to", "2026-11-19T00:00:00Z"),
        ("train.from", "yesterday"),
        ("train.from", "2026-11-20T00:00:00"),
        ("evaluate.n", -1),
        ("evaluate.n", 1.5),
        ("evaluate.n", True),
        ("evaluate.sampling", "Selected"),
        ("evaluate.labelHorizon", "soon"),
        ("evaluate.labelHorizon", 2),
        ("overlap.rows", ...),
        ("overlap.entities", "0"),
        ("metrics", None),
        ("metrics.accuracy.value", float("nan")),
        ("metrics.accuracy.value", float("inf")),
        ("metrics.accuracy.value", "0.93"),
        ("metrics.accuracy.value", ...),
        ("metrics.accuracy.higherIsBetter", "yes"),
        ("comparisons", ...),
        ("comparisons.accuracy.low", None),
        ("comparisons.accuracy.level", 1),
        ("slices", {}),
        ("findings", ...),
        ("goldenRows", ...),
    ],
)
def test_a_field_that_is_wrong_is_named(path: str, value: Any) -> None:
    with pytest.raises(InvalidSpec) as caught:
        parse_evaluation(spoiled(path, value))
    assert caught.value.path == path


def test_an_interval_must_hold_its_difference() -> None:
    with pytest.raises(InvalidSpec, match="low ≤ difference ≤ high"):
        parse_evaluation(spoiled("comparisons.accuracy.low", 0.5))


@pytest.mark.parametrize("value", [None, [], "text", 7])
def test_what_is_no_object_is_refused(value: Any) -> None:
    with pytest.raises(InvalidSpec):
        parse_evaluation(value)


def test_messages_do_not_repeat_what_a_pipeline_wrote_there() -> None:
    with pytest.raises(InvalidSpec) as caught:
        parse_evaluation(spoiled("evaluate.sampling", "Bearer ey.secret"))
    assert "secret" not in str(caught.value)
