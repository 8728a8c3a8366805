"""The simulations compute what the operator computes, and a quick run of them keeps what docs/statistics.md claims."""

from __future__ import annotations

import subprocess
import sys
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from benchmarks.simulations.rivals import RIVALS
from benchmarks.simulations.steps import Step, add, first_fail, rollouts
from benchmarks.simulations.tables import Table, percent, seconds, write
from benchmarks.simulations.traffic import Sticky, bursts, independent
from benchmarks.simulations.vectorised import Arrivals, Befores, Evidences, bound
from tests.analysis.arms import ALPHA, blocks

from modelwright.analysis.alpha import allocate
from modelwright.analysis.before import before_counts
from modelwright.analysis.counts import Counts
from modelwright.analysis.evidence import Evidence, dispersion_of_stable
from modelwright.analysis.guardrail import alpha_spent, compare
from modelwright.analysis.margin import Margin, max_decrease, max_increase, max_ratio, min_ratio
from modelwright.analysis.sequence import confidence_sequence
from modelwright.analysis.starts import DOUBT
from modelwright.analysis.verdict import Verdict

REPO = Path(__file__).resolve().parents[2]
RUNS = 100
HOUR = 360


def counts(bad: int, total: int, margin: Margin) -> Counts:
    return Counts(total - bad, total) if margin.mirrored else Counts(bad, total)


@pytest.mark.parametrize(
    "margin",
    [
        max_increase(Decimal("0.005")),
        max_decrease(Decimal("0.02")),
        max_ratio(Decimal("1.5")),
        min_ratio(Decimal("0.98")),
    ],
    ids=lambda margin: margin.bound,
)
@pytest.mark.parametrize("candidate", [0.02, 0.045])
@pytest.mark.parametrize("hour", [0, HOUR])
def test_arrays_say_the_same_as_the_operator(margin: Margin, candidate: float, hour: int) -> None:
    rng = np.random.default_rng(1)
    past = bursts(rng, 3, hour, rate=10, weight=0, stable=0.02, candidate=0, mean=2, sticky=Sticky.USER)
    arrivals = bursts(rng, 3, 240, rate=10, weight=0.3, stable=0.02, candidate=candidate, mean=3, sticky=Sticky.USER)
    arrays = Evidences(3, margin, Befores(past.stable, past.stable_bad) if hour else None)
    operators = [
        Evidence.begun(
            "",
            before_counts(
                counts(int(bad), int(all_), margin)
                for all_, bad in zip(past.stable[run], past.stable_bad[run], strict=True)
            ),
        )
        for run in range(3)
    ]
    for number in range(240):
        add(arrays, arrivals, number)
        stable, stable_bad, other, other_bad = (arm[:, number] for arm in vars(arrivals).values())
        for run in range(3):
            pair = (
                counts(int(stable_bad[run]), int(stable[run]), margin),
                counts(int(other_bad[run]), int(other[run]), margin),
            )
            operators[run] = operators[run].with_blocks(blocks([pair], first=number), margin)
        if number % 40 == 39:
            assert arrays.log_e() == pytest.approx([one.harm.log_e for one in operators], abs=1e-6)
            assert arrays.stable_factor() == pytest.approx([dispersion_of_stable(one) for one in operators])
            fails, passes = arrays.fails(ALPHA.fail), arrays.passes(ALPHA.pass_, DOUBT)
            assert list(fails) == [alpha_spent(one, ALPHA.fail) for one in operators]
            assert list(passes & ~fails) == [compare(one, margin, ALPHA).verdict is Verdict.PASS for one in operators]


@pytest.mark.parametrize("dispersion", [1.0, 7.5])
def test_bounds_of_arrays_are_the_operators(dispersion: float) -> None:
    seen = [Counts(0, 30), Counts(2, 1_000), Counts(500, 1_000), Counts(30, 30), Counts(6_000, 10**6)]
    bad, total = np.array([one.events for one in seen], float), np.array([one.total for one in seen], float)
    spread = np.full(len(seen), dispersion)
    expected = [confidence_sequence(one, 0.025, dispersion=dispersion) for one in seen]
    assert bound(bad, total, 0.025, spread, upper=False) == pytest.approx([i.low for i in expected], abs=1e-9)
    assert bound(bad, total, 0.025, spread, upper=True) == pytest.approx([i.high for i in expected], abs=1e-9)


@pytest.mark.parametrize(("weight", "rate", "p"), [(0.01, 500, 0.01), (0.1, 50, 0.1), (0.5, 50, 0.01)])
def test_identical_models_are_rolled_back_at_most_as_often_as_promised_even_without_a_margin(
    weight: float, rate: int, p: float
) -> None:
    rng = np.random.default_rng(2)
    arrivals = independent(rng, RUNS, HOUR, rate=rate, weight=weight, stable=p, candidate=p)
    failed = first_fail(Evidences(RUNS, max_increase(Decimal(0))), arrivals, ALPHA.fail)
    assert np.mean(np.isfinite(failed)) <= 0.05


def test_a_repeated_z_test_on_the_same_traffic_does_not_keep_its_error_rate() -> None:
    rng = np.random.default_rng(2)
    arrivals = independent(rng, RUNS, HOUR, rate=50, weight=0.5, stable=0.01, candidate=0.01)
    assert np.mean(np.isfinite(RIVALS["repeated z-test"](arrivals, 0.0, 0.01, 0))) > 0.15


@pytest.mark.parametrize("sticky", list(Sticky))
def test_bursts_of_five_fail_no_more_often_than_promised_with_a_margin(sticky: Sticky) -> None:
    rng = np.random.default_rng(3)
    arrivals = bursts(rng, RUNS, HOUR, rate=50, weight=0.1, stable=0.002, candidate=0.002, mean=5, sticky=sticky)
    failed = first_fail(Evidences(RUNS, max_increase(Decimal("0.005"))), arrivals, ALPHA.fail)
    assert np.mean(np.isfinite(failed)) <= 0.05


def test_a_burst_keeps_the_share_of_errors() -> None:
    rng = np.random.default_rng(4)
    for sticky in Sticky:
        arrivals = bursts(rng, 20, 2_000, rate=20, weight=0.5, stable=0.02, candidate=0.02, mean=20, sticky=sticky)
        assert arrivals.stable_bad.sum() / arrivals.stable.sum() == pytest.approx(0.02, rel=0.1)
        assert (arrivals.candidate_bad <= arrivals.candidate).all()


@pytest.mark.parametrize(("candidate", "promoted"), [(0.002, True), (0.012, False)])
def test_a_whole_rollout_promotes_the_healthy_and_not_one_at_twice_the_margin(candidate: float, promoted: bool) -> None:
    rng = np.random.default_rng(5)

    def arrive(weight: float, length: int, began: int) -> list[Arrivals]:
        return [independent(rng, RUNS, length, rate=50, weight=weight, stable=0.002, candidate=candidate)]

    alpha = allocate(Decimal("0.05"), deciding_guardrails=1, planned=2)
    steps = [Step(0.1, 30), Step(0.5, 30)]
    ends = rollouts(arrive, RUNS, steps, [max_increase(Decimal("0.005"))], alpha, deadline=HOUR)
    if promoted:
        assert (ends.promoted, ends.rolled_back) == pytest.approx((1.0, 0.0), abs=0.05)
    else:
        assert ends.promoted <= 0.05
        assert ends.rolled_back >= 0.9


def test_tables_replace_only_what_is_between_their_markers(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("before\n<!-- table: one -->\nold\n<!-- end -->\nafter\n", encoding="utf-8")
    write([Table("one", ["a"], [["1"]])], page)
    assert page.read_text(encoding="utf-8") == (
        "before\n<!-- table: one -->\n| a |\n| --- |\n| 1 |\n<!-- end -->\nafter\n"
    )
    with pytest.raises(ValueError, match="no place"):
        write([Table("two", ["a"], [])], page)


def test_tables_mark_what_is_above_its_limit_and_call_never_never() -> None:
    assert percent(0.12, limit=0.05) == "**12.0 %**"
    assert percent(0.05, limit=0.05) == "5.0 %"
    assert [seconds([at]) for at in (12, 180, 720, np.inf)] == ["120 s", "30 min", "2.0 h", "never"]


def test_one_command_runs_all_of_them_quickly() -> None:
    command = [sys.executable, "-m", "benchmarks.simulations", "--quick"]
    done = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=True)
    for column in ("three in a row", "sticky by", "health before", "labels", "begun again", "minimal.yaml"):
        assert column in done.stdout
