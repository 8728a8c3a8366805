"""However often evidence begins anew in a rollout, all of it together spends no more than the error rate."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from benchmarks.simulations.attempts import rolled_back
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.analysis.alpha import Spent, allocate


@settings(max_examples=30)
@given(st.decimals("0.001", "0.5"), st.integers(0, 20), st.integers(0, 40), st.integers(1, 100))
def test_all_stretches_of_all_guardrails_together_keep_the_error_rate(
    error_rate: Decimal, guardrails: int, planned: int, stretches: int
) -> None:
    spent = [
        allocate(error_rate, deciding_guardrails=guardrails, planned=planned, stretch=stretch).fail
        for stretch in range(1, stretches + 1)
    ]
    assert sum(spent) * max(guardrails, 1) <= float(error_rate) * (1 + 1e-9)


def test_what_is_planned_shares_most_of_it_evenly_and_pass_is_not_divided() -> None:
    shares = [allocate(Decimal("0.06"), deciding_guardrails=2, planned=4, stretch=n) for n in range(1, 8)]
    assert [one.fail for one in shares[:4]] == pytest.approx([0.06 * 0.8 / 8] * 4)
    assert [one.fail for one in shares[4:]] == pytest.approx([0.03 * 0.2 / n for n in (2, 6, 12)])
    assert {round(one.pass_, 6) for one in shares[:4]} == {0.048}
    assert [one.pass_ for one in shares[4:]] == pytest.approx([0.06 * 0.2 / n for n in (2, 6, 12)])


@pytest.mark.parametrize("error_rate", [Decimal(0), Decimal(1), Decimal(-1)])
def test_an_error_rate_that_is_none_is_refused(error_rate: Decimal) -> None:
    with pytest.raises(ValueError, match="error rate"):
        allocate(error_rate, deciding_guardrails=1, planned=1)


def test_steps_that_begin_again_and_again_roll_back_no_more_often_than_promised() -> None:
    """Without sharing, a step that begins again thirty times spends its part of the error rate thirty times."""
    rng = np.random.default_rng(1)
    shared, each = rolled_back(rng, 60, attempts=30, blocks=40, error_rate=Decimal("0.4"))
    assert shared < 0.1 < each


CALLS = st.lists(st.none() | st.tuples(st.integers(-1, 12), st.integers(-1, 14)), max_size=60)
"""What may happen, in any order: an edited metric (None), or a stretch that begins somewhere, with so many planned."""


@settings(max_examples=100, deadline=None)
@given(CALLS)
def test_whatever_is_edited_and_begins_again_no_more_than_all_of_it_is_given_away(
    calls: list[tuple[int, int] | None],
) -> None:
    spent, parts = Spent(), []
    for call in calls:
        spent, part = spent.beyond() if call is None else spent.next(*call)
        parts.append(part)
    assert all(part > 0 for part in parts)
    assert sum(parts) <= 1


def test_all_chances_to_pass_falsely_are_together_no_more_than_all_of_it() -> None:
    parts = [Spent(chances=chance).passing for chance in range(1, 200)]
    assert parts == sorted(parts, reverse=True)
    assert parts[0] == Decimal("0.8")
    assert Decimal("0.99") < sum(parts) <= 1


@given(st.integers(1, 12), st.booleans())
def test_a_rollout_that_nobody_touches_spends_as_planned(legs: int, bakes: bool) -> None:
    spent, planned = Spent(), 2 * (legs + bakes)
    for distance in range(2 * legs, 0, -1):
        spent, part = spent.next(distance, distance + 2 * bakes)
        expected = allocate(Decimal("0.05"), deciding_guardrails=3, planned=planned)
        assert float(part) / 3 * 0.05 == pytest.approx(expected.fail)
        assert float(spent.passing) * 0.05 == pytest.approx(expected.pass_)


def test_what_an_edit_shortens_divides_what_is_left() -> None:
    spent, first = Spent().next(8, 8)
    spent, second = spent.next(7, 7)
    _, third = spent.next(2, 2)
    assert first == second == Decimal("0.1")
    assert third == Decimal("0.3")
