"""What a pod puts out against what was recorded: numbers, vectors and texts within their tolerances."""

from __future__ import annotations

from typing import Any

import pytest

from modelwright.smoke.comparing import Missing, difference, is_prediction


def recorded(*values: Any, name: str = "price", **tolerance: float) -> list[dict[str, Any]]:
    return [{"outputs": {name: value}, **({"tolerance": tolerance} if tolerance else {})} for value in values]


@pytest.mark.parametrize(
    ("predictions", "outputs"),
    [
        (recorded(101.5, -3.25), {"price": [101.5, -3.25]}),
        (recorded(1e6, 0.0), {"price": [1e6 + 5, 5e-7]}),
        (recorded(100.0, 50.0, absolute=1.0), {"price": [100.9, 49.1]}),
        (recorded(100.0, 50.0, absolute=0.0, relative=0.02), {"price": [102, 49]}),
        (recorded([0.1, 0.9], [0.5, 0.5]), {"price": [0.1, 0.9, 0.5, 0.5]}),
        (recorded("cat", "dog"), {"price": ["cat", "dog"]}),
        (recorded(7, 8), {"price": [7, 8], "another": ["ignored"]}),
    ],
)
def test_the_same_within_its_tolerance_is_no_difference(predictions: Any, outputs: Any) -> None:
    assert difference(predictions, outputs) == ""


@pytest.mark.parametrize(
    ("predictions", "outputs", "says"),
    [
        (recorded(101.5, -3.25), {"price": [101.5, 3.25]}, "golden row 1: price 3.25 instead of -3.25"),
        (recorded(1e6, 0.0), {"price": [1e6, 2e-6]}, "golden row 1: price 2e-06 instead of 0"),
        (recorded(100.0, absolute=0.0, relative=0.0), {"price": [100.001]}, "golden row 0: price 100.001"),
        (
            recorded([0.1, 0.9], [0.5, 0.5]),
            {"price": [0.1, 0.9, 0.5, 0.6]},
            "golden row 1: price[1] 0.6 instead of 0.5",
        ),
        (recorded([0.1, 0.9]), {"price": [0.1, 0.9, 0.0]}, "golden row 0: price has 3 values instead of 2"),
        (recorded("cat"), {"price": ["dog"]}, "golden row 0: price is another than 'cat'"),
        (recorded(1.0), {"price": [float("nan")]}, "golden row 0: price nan instead of 1"),
        (recorded(1.0), {"price": [True]}, "golden row 0: price no number instead of 1"),
    ],
)
def test_anything_else_is_told_with_its_row(predictions: Any, outputs: Any, says: str) -> None:
    found = difference(predictions, outputs)
    assert isinstance(found, str)
    assert says in found


@pytest.mark.parametrize("outputs", [{}, {"other": [1.0, 2.0]}, {"price": []}, {"price": [1.0, 2.0, 3.0]}])
def test_what_is_not_put_out_cannot_be_compared(outputs: Any) -> None:
    assert isinstance(difference(recorded(1.0, 2.0), outputs), Missing)


@pytest.mark.parametrize(
    ("prediction", "fits"),
    [
        ({"class": 1, "probability": 0.5}, True),
        ({"class": 1}, False),
        ({"outputs": {"price": 1.0}}, True),
        ({"outputs": {"price": [1.0, 2]}, "tolerance": {"absolute": 0.5}}, True),
        ({"outputs": {}}, False),
        ({"outputs": {"price": []}}, False),
        ({"outputs": {"price": [[1.0]]}}, False),
        ({"outputs": {"price": 1.0}, "tolerance": {"absolute": -1}}, False),
        ({"outputs": {"price": 1.0}, "tolerance": {"relative": float("nan")}}, False),
        (None, False),
    ],
)
def test_only_what_can_be_compared_is_a_prediction(prediction: Any, fits: bool) -> None:
    assert is_prediction(prediction) is fits
