"""Requests of the Open Inference Protocol: what is taken, and what each refusal says."""

from typing import Any

import pytest

from modelwright_playground.modelserver.model import Prediction
from modelwright_playground.modelserver.protocol import MAX_ROWS, BadInput, parse, response

INPUTS = {"tenure": "FP64", "plan": "BYTES"}


def tensor(name: str, datatype: str, data: list[Any], shape: list[int] | None = None) -> dict[str, Any]:
    return {"name": name, "datatype": datatype, "shape": [len(data)] if shape is None else shape, "data": data}


def body(*tensors: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"inputs": list(tensors), **more}


TENURE, PLAN = tensor("tenure", "FP64", [3, 4.5]), tensor("plan", "BYTES", ["basic", "family"])


def test_named_columns_become_rows() -> None:
    asked = parse(body(PLAN, TENURE, id="r1"), INPUTS)
    assert asked.id == "r1"
    assert list(asked.rows) == [{"plan": "basic", "tenure": 3}, {"plan": "family", "tenure": 4.5}]


def test_the_response_echoes_the_id_and_gives_only_the_outputs_asked_for() -> None:
    asked = parse(body(PLAN, TENURE, id="r1", outputs=[{"name": "label"}]), INPUTS)
    assert response("churn", "v1", asked, [Prediction(1, 0.9), Prediction(0, 0.2)]) == {
        "model_name": "churn",
        "model_version": "v1",
        "id": "r1",
        "outputs": [{"name": "label", "datatype": "INT64", "shape": [2], "data": [1, 0]}],
    }


def test_without_an_id_there_is_none_in_the_response_and_all_outputs_come() -> None:
    answer = response("churn", "v1", parse(body(PLAN, TENURE), INPUTS), [Prediction(1, 0.9), Prediction(0, 0.2)])
    assert "id" not in answer
    assert [(each["name"], each["data"]) for each in answer["outputs"]] == [
        ("label", [1, 0]),
        ("probability", [0.9, 0.2]),
    ]


@pytest.mark.parametrize(
    ("found", "says"),
    [
        ([], "object with a list `inputs`"),
        ({}, "object with a list `inputs`"),
        (body(PLAN), "missing inputs: tenure"),
        (body(PLAN, TENURE, PLAN), "given twice"),
        (body(PLAN, TENURE, tensor("age", "FP64", [1, 2])), "not one of this model's: tenure, plan"),
        (body(PLAN, tensor("tenure", "FP32", [1, 2])), "datatype FP64 is needed, found 'FP32'"),
        (body(PLAN, tensor("tenure", "FP64", [1, 2], shape=[2, 1])), "need the shape \\[2\\]"),
        (body(PLAN, tensor("tenure", "FP64", [1, 2], shape=[3])), "need the shape \\[2\\]"),
        (body(PLAN, tensor("tenure", "FP64", [1])), "same number of rows"),
        (body(PLAN, tensor("tenure", "FP64", [])), "list of 1 to"),
        (body(PLAN, tensor("tenure", "FP64", [1.0] * (MAX_ROWS + 1))), "list of 1 to"),
        (body(PLAN, tensor("tenure", "FP64", [1, "2"])), "finite number"),
        (body(PLAN, tensor("tenure", "FP64", [1, True])), "finite number"),
        (body(PLAN, tensor("tenure", "FP64", [1, float("nan")])), "finite number"),
        (body(PLAN, tensor("tenure", "FP64", [1, 10**400])), "finite number"),
        (body(TENURE, tensor("plan", "BYTES", ["basic", 3])), "must be a string"),
        (body(PLAN, TENURE, id=7), "`id` must be a string"),
        (body(PLAN, TENURE, outputs=[{"name": "logits"}]), "may name each of label, probability once"),
        (body(PLAN, TENURE, outputs=[{"name": ["label"]}]), "may name each of label, probability once"),
        (body("tenure"), "object with a `name`"),  # type: ignore[arg-type]
    ],
)
def test_bad_input_is_refused_with_what_is_needed(found: object, says: str) -> None:
    with pytest.raises(BadInput, match=says):
        parse(found, INPUTS)
