"""However often evidence begins anew in a rollout, all of it together spends no more than the error rate."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from benchmarks.simulations.attempts import rolled_back
from hypothesis import given, settings
from hypothesis import strategies as st

from modelwright.analysis.alpha import allocate


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
    shared, each = rolled_back(rng, 60, attempts=30, blocks=20, error_rate=Decimal("0.4"))
    assert shared < 0.1 < each
