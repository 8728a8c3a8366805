"""The Open Inference Protocol (v2) in JSON: requests to rows, predictions to responses. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelwright_playground.modelserver.model import Prediction, Row

MAX_ROWS = 1000
OUTPUTS = {"label": "INT64", "probability": "FP64"}


class BadInput(Exception):
    """A request that is not what the signature asks for; the message goes to the client."""


@dataclass(frozen=True)
class InferRequest:
    """Rows to predict; `id` is None if the client gave none; `outputs` are the names of those it wants."""

    id: str | None
    rows: Sequence[Row]
    outputs: tuple[str, ...]


def parse(body: object, inputs: Mapping[str, str]) -> InferRequest:
    """Rows of a request body, checked against the signature (name to datatype). Raises BadInput."""
    if not isinstance(body, dict) or not isinstance(body.get("inputs"), list):
        raise BadInput("a JSON object with a list `inputs` is needed")
    request_id = body.get("id")
    if request_id is not None and (not isinstance(request_id, str) or len(request_id) > 256):
        raise BadInput("`id` must be a string of at most 256 characters")
    columns: dict[str, list[float | str]] = {}
    for tensor in body["inputs"]:
        if not isinstance(tensor, dict) or not isinstance(tensor.get("name"), str):
            raise BadInput("each input must be an object with a `name`")
        name = tensor["name"]
        if name not in inputs:
            raise BadInput(f"input {name[:64]!r} is not one of this model's: {', '.join(inputs)}")
        if name in columns:
            raise BadInput(f"input {name!r} is given twice")
        columns[name] = _column(tensor, name, inputs[name])
    missing = [name for name in inputs if name not in columns]
    if missing:
        raise BadInput(f"missing inputs: {', '.join(missing)}")
    if len({len(column) for column in columns.values()}) != 1:
        raise BadInput("all inputs must have the same number of rows")
    rows = [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]
    return InferRequest(request_id, rows, _wanted(body.get("outputs")))


def response(name: str, version: str, request: InferRequest, predictions: Sequence[Prediction]) -> dict[str, Any]:
    """The response body for these predictions, one per row of the request."""
    data: dict[str, list[float]] = {
        "label": [each.label for each in predictions],
        "probability": [each.probability for each in predictions],
    }
    outputs = [
        {"name": output, "datatype": OUTPUTS[output], "shape": [len(predictions)], "data": data[output]}
        for output in request.outputs
    ]
    echo = {} if request.id is None else {"id": request.id}
    return {"model_name": name, "model_version": version, **echo, "outputs": outputs}


def metadata(name: str, version: str, inputs: Mapping[str, str]) -> dict[str, Any]:
    """The body of /v2/models/{name}."""
    return {
        "name": name,
        "versions": [version],
        "platform": "sklearn",
        "inputs": [{"name": each, "datatype": datatype, "shape": [-1]} for each, datatype in inputs.items()],
        "outputs": [{"name": each, "datatype": datatype, "shape": [-1]} for each, datatype in OUTPUTS.items()],
    }


def _column(tensor: Mapping[str, Any], name: str, datatype: str) -> list[float | str]:
    data, shape = tensor.get("data"), tensor.get("shape")
    if tensor.get("datatype") != datatype:
        raise BadInput(f"input {name!r}: datatype {datatype} is needed, found {str(tensor.get('datatype'))[:16]!r}")
    if not isinstance(data, list) or not 0 < len(data) <= MAX_ROWS:
        raise BadInput(f"input {name!r}: `data` must be a list of 1 to {MAX_ROWS} values")
    if shape != [len(data)]:
        raise BadInput(f"input {name!r}: {len(data)} values need the shape [{len(data)}]")
    if not all(_is_text(value) if datatype == "BYTES" else _is_number(value) for value in data):
        raise BadInput(f"input {name!r}: each value must be {'a string' if datatype == 'BYTES' else 'a finite number'}")
    return data


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_number(value: object) -> bool:
    # A JSON integer may be longer than any float: isfinite raises for it.
    if isinstance(value, int):
        return not isinstance(value, bool) and abs(value) < 2**53
    return isinstance(value, float) and math.isfinite(value)


def _wanted(outputs: object) -> tuple[str, ...]:
    if outputs is None:
        return tuple(OUTPUTS)
    if not isinstance(outputs, list) or not outputs:
        raise BadInput("`outputs` must be a list of objects with a `name`")
    names = [each.get("name") if isinstance(each, dict) else None for each in outputs]
    unknown = [each for each in names if not isinstance(each, str) or each not in OUTPUTS]
    if unknown or len(set(names)) != len(names):
        raise BadInput(f"`outputs` may name each of {', '.join(OUTPUTS)} once")
    return tuple(str(each) for each in names)
