"""The declared kinds of checks: gains, curated sets, slices, findings, and attempts on the same rows."""

from __future__ import annotations

import random
from dataclasses import replace
from decimal import Decimal
from statistics import NormalDist
from typing import Any

import pytest
from tests.retraining.builders import CHAMPION, NEW_DIGEST, evaluation

from modelwright.analysis.counts import Counts
from modelwright.analysis.exact import lower_bound, upper_bound
from modelwright.api.gate import AgainstChampion, Check, DeclaredSlices, FindingsCheck, Gate, Severity
from modelwright.api.metrics import Bounds
from modelwright.api.policy import Champion
from modelwright.api.run import GateLine
from modelwright.kubeflow.evaluation import (
    Comparison,
    DatasetResult,
    FoundFinding,
    MetricInterval,
    MetricResult,
    SliceResult,
)
from modelwright.retraining.plan.gate import GateInput, judge, needed_confidence

SERVING = Champion("77d0aa91c2", CHAMPION, "churn")
GOLDEN = "s3://golden/churn-2026"
PINNED = "sha256:" + "7" * 64


def line(check: Check, attempts_per_data: int = 1, **changes: Any) -> GateLine:
    """The line of `check`, given an evaluation with `changes`."""
    given = GateInput(
        run_uid="churn-run1-uid",
        evaluation=evaluation(**changes),
        model_digest=NEW_DIGEST,
        champion=SERVING,
        rejected={},
        gate=Gate((check,), attempts_per_data),
    )
    return judge(given)[-1]


def compared(low: float, high: float, level: float = 0.95) -> dict[str, Comparison]:
    return {"accuracy": Comparison((low + high) / 2, low, high, level, "paired")}


BETTER = Check("better", "accuracy", champion=AgainstChampion(min_increase=Decimal("0.01")))


@pytest.mark.parametrize(("low", "verdict"), [(0.01, "Pass"), (0.0099, "Fail")])
def test_an_improvement_must_be_surely_as_large_as_asked_for(low: float, verdict: str) -> None:
    assert line(BETTER, comparisons=compared(low, 0.03)).verdict == verdict


def test_an_improvement_of_what_is_better_small_is_a_surely_smaller_number() -> None:
    check = replace(BETTER, metric="ece")
    assert line(check, comparisons={"ece": Comparison(-0.02, -0.03, -0.01, 0.95, "paired")}).verdict == "Pass"
    assert line(check, comparisons={"ece": Comparison(-0.02, -0.03, -0.009, 0.95, "paired")}).verdict == "Fail"


ANCHOR = Check("anchor", "accuracy", champion=AgainstChampion(max_decrease=Decimal("0.01")), dataset=GOLDEN)


def dataset(**changes: Any) -> dict[str, Any]:
    found = DatasetResult(GOLDEN, PINNED, 800, 0, {"accuracy": MetricResult(0.9, 800, True)}, compared(-0.005, 0.02))
    return {"datasets": (replace(found, **changes),)}


@pytest.mark.parametrize(
    ("check", "changes", "verdict"),
    [
        (ANCHOR, dataset(), "Pass"),
        (ANCHOR, dataset(comparisons=compared(-0.011, 0.02)), "Fail"),
        (ANCHOR, {}, "NoData"),
        (ANCHOR, dataset(uri="s3://golden/other"), "NoData"),
        (ANCHOR, dataset(metrics={}), "NoData"),
        (ANCHOR, dataset(comparisons={}), "NoData"),
        (ANCHOR, dataset(overlap_rows=1), "Fail"),
        (replace(ANCHOR, rows_digest=PINNED), dataset(), "Pass"),
        (replace(ANCHOR, rows_digest="sha256:" + "8" * 64), dataset(), "Fail"),
        (Check("anchor", "accuracy", bounds=Bounds(min=Decimal("0.91")), dataset=GOLDEN), dataset(), "Fail"),
    ],
)
def test_a_curated_set_is_judged_by_itself_and_only_if_it_is_the_one_meant(
    check: Check, changes: dict[str, Any], verdict: str
) -> None:
    assert line(check, **changes).verdict == verdict


SLICES = Check("slices", "accuracy", slices=DeclaredSlices(Bounds(min=Decimal("0.80")), 200))


def one_slice(value: str, low: float, *, n: int = 500, declared: bool = True, level: float = 0.99) -> SliceResult:
    measured = MetricResult(0.9, n, True, interval=MetricInterval(low, 0.95, level))
    return SliceResult("plan", value, n, declared, {"accuracy": measured})


def test_every_declared_slice_must_surely_be_within_the_bounds() -> None:
    good = (one_slice("basic", 0.85), one_slice("student", 0.80))
    assert line(SLICES, slices=good).verdict == "Pass"
    told = line(SLICES, slices=(*good, one_slice("family", 0.79)))
    assert told.verdict == "Fail"
    assert "plan=family 0.9 [0.79, 0.95] of 500" in told.message


def test_slices_that_were_found_only_report() -> None:
    found = one_slice("family", 0.10, n=3, declared=False)
    assert line(SLICES, slices=(one_slice("basic", 0.85), found)).verdict == "Pass"
    assert line(SLICES, slices=(found,)).verdict == "NoData"


@pytest.mark.parametrize(
    "slices",
    [
        (one_slice("basic", 0.85, n=199),),
        # Sure enough alone, not for three together: 1 − 0.05 / 3 is needed of one end.
        tuple(one_slice(value, 0.85, level=0.95) for value in ("basic", "student", "family")),
        (SliceResult("plan", "basic", 500, True, {"accuracy": MetricResult(0.9, 500, True)}),),
        (SliceResult("plan", "basic", 500, True, {}),),
    ],
)
def test_a_slice_with_too_few_rows_or_no_sure_interval_never_passes(slices: tuple[SliceResult, ...]) -> None:
    assert line(SLICES, slices=slices).verdict == "NoData"


def test_a_slice_that_the_policy_names_must_be_declared() -> None:
    wanted = replace(SLICES, slices=DeclaredSlices(Bounds(min=Decimal("0.80")), 200, ("plan=student",)))
    assert line(wanted, slices=(one_slice("basic", 0.85),)).verdict == "NoData"
    assert line(wanted, slices=(one_slice("student", 0.85),)).verdict == "Pass"


def test_bad_slices_pass_together_no_more_often_than_the_error_rate() -> None:
    """Ten slices, one of them truly just below the bound: exact intervals at 1 − 0.05 / 10 let it through ≤ 5 %."""
    chance = random.Random(5)
    passed, repeats, n = 0, 400, 300
    for _ in range(repeats):
        right = sum(chance.random() < 0.799 for _ in range(n))
        low, high = lower_bound(Counts(right, n), 0.995), upper_bound(Counts(right, n), 0.995)
        measured = MetricResult(right / n, n, True, interval=MetricInterval(low, high, 0.99))
        others = tuple(one_slice(f"p{number}", 0.85) for number in range(9))
        passed += line(
            SLICES, slices=(*others, SliceResult("plan", "bad", n, True, {"accuracy": measured}))
        ).verdict == ("Pass")
    assert passed / repeats <= 0.05


DATA = Check("data", findings=FindingsCheck(Severity.WARNING, ("leakage",)))


@pytest.mark.parametrize(
    ("findings", "verdict"),
    [
        ((("leakage", "Info"), ("label rate", "Warning")), "Pass"),
        ((("leakage", "Error"),), "Fail"),
        ((("leakage", "Info"), ("scan", "Error")), "Fail"),
        ((("scan", "Info"),), "NoData"),
        ((), "NoData"),
    ],
)
def test_findings_pass_if_none_is_too_bad_and_what_is_required_was_looked_for(
    findings: tuple[tuple[str, str], ...], verdict: str
) -> None:
    found = tuple(FoundFinding(check, severity, "secret words of a tenant") for check, severity in findings)
    told = line(DATA, findings=found)
    assert told.verdict == verdict
    assert "secret" not in told.message


NOT_WORSE = Check("not-worse", "accuracy", champion=AgainstChampion(max_decrease=Decimal("0.005")))


def test_the_error_rate_is_spent_over_the_attempts_on_the_same_rows() -> None:
    assert line(NOT_WORSE, 1, comparisons=compared(0.0, 0.02, level=0.90)).verdict == "Pass"
    told = line(NOT_WORSE, 3, comparisons=compared(0.0, 0.02, level=0.95))
    assert told.verdict == "NoData"
    assert told.message == (
        "compared at one-sided confidence 0.975, needed 0.983333: 0.95 over 3 attempts on the same rows"
    )
    assert line(NOT_WORSE, 3, comparisons=compared(0.0, 0.02, level=0.966668)).verdict == "Pass"


def test_a_comparison_at_the_confidence_that_the_pipeline_is_told_is_sure_enough() -> None:
    for attempts in (1, 2, 3, 7, 100):
        gate = Gate((NOT_WORSE, replace(BETTER, confidence=Decimal("0.99"))), attempts)
        needed = needed_confidence(gate)
        assert needed is not None
        assert needed >= 1 - Decimal("0.01") / attempts


def test_a_gate_that_compares_nothing_asks_for_no_confidence() -> None:
    assert needed_confidence(Gate((DATA,))) is None


def passes_once(chance: random.Random, attempts: int, spent: bool) -> bool:
    """Whether a model that is worse by just what is forbidden passes in any of so many attempts on the same rows."""
    needed = 1 - 0.05 / (attempts if spent else 1)
    width, error = NormalDist().inv_cdf(needed), 0.01
    level = round(2 * needed - 1, 9) + 1e-9
    for _ in range(attempts):
        seen = -0.005 + chance.gauss(0, error)
        found = {"accuracy": Comparison(seen, seen - width * error, seen + width * error, level, "paired")}
        if line(NOT_WORSE, attempts if spent else 1, comparisons=found).verdict == "Pass":
            return True
    return False


def test_however_often_a_worse_model_is_tried_it_passes_no_more_often_than_the_error_rate() -> None:
    chance, repeats = random.Random(11), 600
    spent, unspent = (sum(passes_once(chance, 3, how) for _ in range(repeats)) / repeats for how in (True, False))
    # Three standard errors of a simulation of this size above 5 %; without spending it is 14 %.
    assert spent <= 0.05 + 3 * (0.05 * 0.95 / repeats) ** 0.5
    assert unspent > 0.10
