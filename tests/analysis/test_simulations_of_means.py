"""The simulations of means compute what the operator computes, and a few cells of them keep what is promised."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest
from benchmarks.simulations import pods
from benchmarks.simulations.means import MARGIN, first_fail, measured, rivals, usual_mean
from benchmarks.simulations.traffic import Sticky
from benchmarks.simulations.vectorised_means import MeanEvidences
from tests.analysis.arms import ALPHA, BEGIN

from modelwright.analysis.blocks import BLOCK, MeanBlock, Moments
from modelwright.analysis.guardrail import alpha_spent, compare_means
from modelwright.analysis.margin import max_increase
from modelwright.analysis.means import MeanEvidence
from modelwright.analysis.verdict import Verdict

HOUR = 360


@pytest.mark.parametrize("shape", ["scores", "durations"])
def test_arrays_of_means_say_the_same_as_the_operator(shape: str) -> None:
    rng = np.random.default_rng(1)
    pair = measured(rng, 3, 180, rate=4, weight=0.3, shape=shape, worse=0.03)
    arrays, operators = MeanEvidences(3, MARGIN), [MeanEvidence(0, 1)] * 3
    margin = max_increase(Decimal(str(MARGIN)))
    for number in range(180):
        arrays.add(*pair, number)
        for run in range(3):
            arms = [
                Moments(int(a.count[run, number]), float(a.sum[run, number]), float(a.squares[run, number]))
                for a in pair
            ]
            operators[run] = operators[run].with_blocks([MeanBlock(BEGIN + number * BLOCK, *arms)], margin)
        if number % 45 == 44:
            assert arrays.log_e() == pytest.approx([one.harm.log_e for one in operators], abs=1e-6)
            fails, passes = arrays.fails(ALPHA.fail), arrays.passes(ALPHA.pass_)
            assert list(fails) == [alpha_spent(one, ALPHA.fail) for one in operators]
            found = [compare_means(one, margin, ALPHA).verdict is Verdict.PASS for one in operators]
            assert list(passes & ~fails) == found


def test_identical_means_are_rolled_back_at_most_as_often_as_promised() -> None:
    pair = measured(np.random.default_rng(2), 60, HOUR, rate=50, weight=0.5, shape="durations")
    ours = first_fail(MeanEvidences(60, 0.0), pair, ALPHA.fail)
    welch = rivals(pair, 0.0, usual_mean("durations"))[0]
    assert np.mean(np.isfinite(ours)) <= 0.05
    assert np.mean(np.isfinite(welch)) > 0.15


def test_a_cap_for_each_pod_does_not_withstand_bursts_better() -> None:
    """As ADR 0016 says, in a cell where α is not kept: bursts in a pod with one request a second."""
    rng, runs = np.random.default_rng(3), 30
    arms = [
        one
        for share in (0.5, 0.5)
        for one in pods.in_bursts(rng, runs, rate=2 * share, p=0.01, mean=20, sticky=Sticky.POD)
    ]
    false = {
        name: float(np.mean(np.isfinite(pods.first_fail(runs, rule, pods.Podded(*arms)))))
        for name, rule in pods.RULES.items()
    }
    assert false["at most 3 for each pod"] >= false["as it is"] - 0.05
    assert false["without the clearest pod"] < false["as it is"]
