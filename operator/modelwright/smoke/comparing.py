"""Compares what a pod put out for golden rows with what the evaluation recorded: classes, numbers and vectors.

A recorded prediction is either a class with its probability, or `outputs` by name, each a number, a text or a list of
numbers, within `tolerance {absolute, relative}`. Plain data in, a difference in words out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

ABSOLUTE = 1e-6
"""Between probabilities, and numbers near 0: servers compute in single or double precision."""
RELATIVE = 1e-5
"""Of a number; single precision has about seven digits, and a model adds many of them."""
LABELS = ("label", "class", "predict")
"""Names under which servers put out the class."""
LARGEST = 4096
"""Numbers of a vector that are compared."""


@dataclass(frozen=True)
class Missing:
    """What a server has to put out for each row and does not: nothing can be compared."""

    message: str


def is_prediction(prediction: Any) -> bool:
    """Whether golden rows may hold it."""
    if not isinstance(prediction, dict):
        return False
    outputs = prediction.get("outputs")
    if outputs is None:
        return "class" in prediction and _is_number(prediction.get("probability"))
    tolerance = prediction.get("tolerance", {})
    return (
        isinstance(outputs, dict)
        and bool(outputs)
        and all(_is_output(value) for value in outputs.values())
        and isinstance(tolerance, dict)
        and all(_is_number(value) and 0 <= value < float("inf") for value in tolerance.values())
    )


def difference(predictions: Sequence[Mapping[str, Any]], outputs: Mapping[str, Sequence[Any]]) -> str | Missing:
    """The first difference as "golden row 1: …", "" for none. `outputs` are a server's flat data by name."""
    rows = len(predictions)
    if any("outputs" not in prediction for prediction in predictions):
        labels = next((outputs[name] for name in LABELS if len(outputs.get(name, ())) == rows), None)
        chances = outputs.get("probability", ())
        if labels is None and len(chances) != rows:
            return Missing("puts out neither label, class, predict nor probability for each row")
        found = (_of_class(each, labels, chances, number) for number, each in enumerate(predictions))
    else:
        names = sorted({name for prediction in predictions for name in prediction["outputs"]})
        missing = [name for name in names if not outputs.get(name) or len(outputs[name]) % rows]
        if missing:
            return Missing(f"does not put out {', '.join(name[:63] for name in missing[:5])} for each row")
        found = (next(_of_outputs(each, outputs, number, rows), "") for number, each in enumerate(predictions))
    return next((f"golden row {number}: {says}" for number, says in enumerate(found) if says), "")


def _of_class(expected: Mapping[str, Any], labels: Sequence[Any] | None, chances: Sequence[Any], number: int) -> str:
    if number < len(chances):
        chance, wanted = chances[number], expected["probability"]
        if not _is_within(chance, wanted, ABSOLUTE, 0.0):
            found = f"{chance:.6f}" if _is_number(chance) else "no number"
            return f"probability {found} instead of {wanted:.6f}"
    if labels is not None and str(labels[number]) != str(expected["class"]):
        return f"another class than {expected['class']!r}"
    return ""


def _of_outputs(
    expected: Mapping[str, Any], outputs: Mapping[str, Sequence[Any]], number: int, rows: int
) -> Iterator[str]:
    tolerance = expected.get("tolerance", {})
    absolute, relative = tolerance.get("absolute", ABSOLUTE), tolerance.get("relative", RELATIVE)
    for name, recorded in expected["outputs"].items():
        each = len(outputs[name]) // rows
        said = outputs[name][number * each : (number + 1) * each]
        wanted = recorded if isinstance(recorded, list) else [recorded]
        if len(said) != len(wanted):
            yield f"{name[:63]} has {len(said)} values instead of {len(wanted)}"
            continue
        for place, (one, other) in enumerate(zip(said, wanted, strict=True)):
            where = f"{name[:63]}[{place}]" if isinstance(recorded, list) else name[:63]
            if isinstance(other, str):
                if one != other:
                    yield f"{where} is another than {other[:63]!r}"
            elif not _is_within(one, other, absolute, relative):
                yield f"{where} {_shown(one)} instead of {other:.6g}"


def _is_within(said: Any, wanted: float, absolute: float, relative: float) -> bool:
    # Written so that NaN differs.
    return _is_number(said) and abs(said - wanted) <= absolute + relative * abs(wanted)


def _is_output(value: Any) -> bool:
    if isinstance(value, list):
        return 0 < len(value) <= LARGEST and all(_is_number(one) for one in value)
    return _is_number(value) or isinstance(value, str)


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _shown(value: Any) -> str:
    return f"{value:.6g}" if _is_number(value) else "no number"
