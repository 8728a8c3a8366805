"""What the design promises of comparisons, simulated with fixed seeds and looks that never stop."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import numpy as np
import pytest
from numpy.typing import NDArray

from modelwright.analysis.alpha import per_decision
from modelwright.analysis.comparison import compare_with_stable
from modelwright.analysis.counts import Counts
from modelwright.analysis.verdict import Verdict
from modelwright.api.metrics import AgainstStable

RUNS = 120
# Numbers of requests to both arms at which a run is looked at: often at first, where chance is largest.
LOOKS = np.unique(np.geomspace(20, 60_000, 25).astype(int))

ALPHA = 0.05


def margin(text: str) -> AgainstStable:
    return AgainstStable(max_increase=Decimal(text))


def run(
    rng: np.random.Generator,
    *,
    weight: int,
    stable: float,
    candidate: float,
    against: AgainstStable,
    alpha: float = ALPHA,
    looks: NDArray[np.int_] = LOOKS,
) -> tuple[Verdict, int]:
    """The first Pass or Fail of one rollout step with the candidate requests it took, else Inconclusive."""
    arriving = np.diff(looks, prepend=0)
    to_candidate = rng.binomial(arriving, weight / 100)
    candidate_events = np.cumsum(rng.binomial(to_candidate, candidate))
    stable_events = np.cumsum(rng.binomial(arriving - to_candidate, stable))
    candidate_total, stable_total = np.cumsum(to_candidate), np.cumsum(arriving - to_candidate)
    for i in range(len(looks)):
        finding = compare_with_stable(
            Counts(int(stable_events[i]), int(stable_total[i])),
            Counts(int(candidate_events[i]), int(candidate_total[i])),
            against=against,
            alpha=alpha,
        )
        if finding.verdict in (Verdict.PASS, Verdict.FAIL):
            return finding.verdict, int(candidate_total[i])
    return Verdict.INCONCLUSIVE, int(candidate_total[-1])


def share_of(verdict: Verdict, runs: int, one: Callable[[], Verdict]) -> float:
    return sum(one() is verdict for _ in range(runs)) / runs


@pytest.mark.parametrize("p", [0.001, 0.01, 0.1])
@pytest.mark.parametrize("weight", [1, 10, 50])
def test_identical_models_are_rolled_back_at_most_as_often_as_alpha_even_without_a_margin(
    weight: int, p: float
) -> None:
    rng = np.random.default_rng(weight)
    false = share_of(
        Verdict.FAIL,
        RUNS,
        lambda: run(rng, weight=weight, stable=p, candidate=p, against=margin("0"))[0],
    )
    assert false <= ALPHA


@pytest.mark.parametrize("weight", [1, 10, 50])
@pytest.mark.parametrize("times", [1.001, 2.0])
def test_a_candidate_beyond_the_margin_is_passed_in_at_most_five_percent(weight: int, times: float) -> None:
    rng = np.random.default_rng(17)
    passed = share_of(
        Verdict.PASS,
        RUNS,
        lambda: run(
            rng,
            weight=weight,
            stable=0.002,
            candidate=0.002 + times * 0.005,
            against=margin("0.005"),
        )[0],
    )
    assert passed <= ALPHA


@pytest.mark.parametrize(("weight", "fewest", "most"), [(1, 2_300, 3_200), (10, 2_500, 3_500), (50, 3_500, 4_500)])
def test_a_healthy_model_passes_half_a_point_after_some_thousand_candidate_requests(
    weight: int, fewest: int, most: int
) -> None:
    rng = np.random.default_rng(3)
    every_hundred = np.arange(1, 81) * 100 * 100 // weight
    ends = [
        run(rng, weight=weight, stable=0.002, candidate=0.002, against=margin("0.005"), looks=every_hundred)
        for _ in range(RUNS)
    ]
    assert sum(verdict is Verdict.PASS for verdict, _ in ends) >= 0.9 * RUNS
    assert fewest <= np.median([requests for _, requests in ends]) <= most


@pytest.mark.parametrize(("candidate", "requests"), [(0.05, 1_000), (0.03, 3_500)])
def test_a_clearly_worse_candidate_fails_soon(candidate: float, requests: int) -> None:
    rng = np.random.default_rng(5)
    ends = [run(rng, weight=10, stable=0.01, candidate=candidate, against=margin("0.005")) for _ in range(RUNS)]
    assert all(verdict is Verdict.FAIL for verdict, _ in ends)
    assert np.median([needed for _, needed in ends]) <= requests


def test_a_whole_rollout_of_three_steps_and_two_guardrails_keeps_the_error_rate() -> None:
    rng = np.random.default_rng(11)
    alpha = per_decision(Decimal("0.05"), deciding_guardrails=2, steps=3)

    def rollout() -> Verdict:
        for weight in (5, 25, 50):
            for p in (0.002, 0.05):
                verdict, _ = run(rng, weight=weight, stable=p, candidate=p, against=margin("0"), alpha=alpha)
                if verdict is Verdict.FAIL:
                    return verdict
        return Verdict.PASS

    assert share_of(Verdict.FAIL, 100, rollout) <= 0.05


def test_a_bounded_decrease_keeps_its_error_rates_like_an_increase() -> None:
    against = AgainstStable(max_decrease=Decimal("0.03"))
    rng = np.random.default_rng(23)

    def one(candidate: float) -> Verdict:
        return run(rng, weight=50, stable=0.9, candidate=candidate, against=against)[0]

    assert share_of(Verdict.FAIL, RUNS, lambda: one(0.87)) <= ALPHA
    assert share_of(Verdict.PASS, RUNS, lambda: one(0.87)) <= ALPHA
    assert share_of(Verdict.PASS, 50, lambda: one(0.9)) >= 0.95
    assert share_of(Verdict.FAIL, 50, lambda: one(0.83)) >= 0.95
