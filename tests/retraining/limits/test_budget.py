"""A budget is kept to the second: what has run is counted, what runs is stopped, what waits says until when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.retraining.builders import NOW, answered, counts, policy, run
from tests.retraining.passes import BAD, GOOD, condition, look
from tests.retraining.run_passes import outcome, plan

from modelwright.api.budget import GPU_HOURS, Allowance, Budget, Price, Spending, SpentOnDay
from modelwright.api.conditions import Condition
from modelwright.api.limits import Limits
from modelwright.api.pipelines import Gpu, Parameter, Pipeline, Resources
from modelwright.api.policy import RetrainPolicy
from modelwright.api.run import PipelineRun, RetrainRun, RunStatus
from modelwright.kubeflow.questions import FollowRun, KubeflowRun, StopRun
from modelwright.retraining.plan.limits import accounted, spent_out
from modelwright.retraining.rates import HourlyPrice, PipelineRates

HOUR = timedelta(hours=1)
EUR = Price("3", "EUR")
PIPELINE = Pipeline(
    "churn-training",
    timeout=24 * HOUR,
    parameters=(Parameter("epochs", value="20"),),
    resources=Resources(Gpu("a100", 2)),
)
RATES = {"gpu": PipelineRates("gpu", "EUR", gpus={"a100": HourlyPrice(Decimal("1.5"))})}


def euros(amount: str) -> Allowance:
    return Allowance(Decimal(amount), "EUR")


def with_budget(zone: str = "UTC", spending: Spending | None = None, **allowances: Allowance) -> RetrainPolicy:
    budget = Budget("gpu", time_zone=zone, **allowances)
    found = policy(limits=Limits(cooldown=timedelta(0), budget=budget), pipeline=PIPELINE)
    return replace(found, status=replace(found.status, spending=spending))


def trained(number: int, start: datetime, hours: float, **changes: Any) -> RetrainRun:
    """A run whose pipeline took so long, and failed."""
    end = start + hours * HOUR
    built = running(number, start)
    known = replace(built.status.pipeline_run, state="FAILED", finished_at=end)
    failed = Condition("Succeeded", "False", "PipelineFailed", "", 1, end)
    return replace(built, status=RunStatus(1, "Failed", pipeline_run=known, conditions=(failed,)), **changes)


def running(number: int, start: datetime) -> RetrainRun:
    built = run(number)
    known = PipelineRun(start, f"kf-{number}", "RUNNING", start, result_uri="file:///results/evaluation.json")
    spec = replace(built.spec, pipeline=PIPELINE, price=EUR)
    return replace(built, spec=spec, status=RunStatus(1, "Running", pipeline_run=known))


def test_a_run_waits_for_the_next_day_when_the_day_is_spent() -> None:
    of = with_budget("Europe/Berlin", per_day=euros("6"))
    waiting = plan(run(2), NOW, of, siblings=(trained(1, NOW - 3 * HOUR, 2),))
    assert outcome(waiting) == ("Unknown", "Budget")
    (told,) = waiting.status.conditions
    assert told.message == (
        "6.00 EUR of 6.00 EUR per day are spent; the next pipeline run may start at 2026-11-21T23:00:00Z"
    )
    midnight = datetime(2026, 11, 21, 23, 0, tzinfo=UTC)
    assert outcome(plan(run(2), midnight - timedelta(seconds=1), of, siblings=(trained(1, NOW - 3 * HOUR, 2),))) == (
        "Unknown",
        "Budget",
    )
    assert outcome(plan(run(2), midnight, of, siblings=(trained(1, NOW - 3 * HOUR, 2),))) == ("Unknown", "Launching")


def test_a_run_waits_for_the_next_month_when_the_month_is_spent_whatever_the_day_allows() -> None:
    of = with_budget(per_day=euros("100"), per_month=Allowance(Decimal(4), GPU_HOURS))
    waiting = plan(run(2), NOW, of, siblings=(trained(1, NOW - 240 * HOUR, 2),))
    (told,) = waiting.status.conditions
    assert (told.reason, told.message[:45]) == ("Budget", "4.00 GPU-hours of 4.00 GPU-hours per month ar")
    assert "2026-12-01T00:00:00Z" in told.message


def test_the_policy_says_what_holds_the_run_and_until_when() -> None:
    of = with_budget(per_day=euros("6"))
    seen = look(of, NOW, counts(*GOOD), runs=(trained(1, NOW - 3 * HOUR, 2), run(2)), rates=RATES)
    assert seen.status.pending is not None
    assert (seen.status.pending.reason, seen.status.pending.run) == ("Budget", "churn-run2")
    assert seen.status.pending.until == datetime(2026, 11, 22, tzinfo=UTC)


def test_a_pipeline_is_stopped_at_the_second_at_which_the_budget_is_used_up() -> None:
    of, begun = with_budget(per_day=euros("6")), running(2, NOW)
    before = (trained(1, NOW - 3 * HOUR, 1),)
    out = NOW + HOUR
    watched = plan(begun, NOW, of, siblings=before)
    assert watched.requeue_after == HOUR
    follow = next(asked for asked in watched.questions if isinstance(asked, FollowRun))
    still = {follow: answered(KubeflowRun("kf-2", "RUNNING", NOW), out)}
    assert not any(isinstance(asked, StopRun) for asked in plan(begun, out - timedelta(seconds=1), of).questions)
    stopping = plan(begun, out, of, siblings=before, answers=still)
    assert outcome(stopping) == ("Unknown", "Stopping")
    assert any(isinstance(asked, StopRun) for asked in stopping.questions)
    asked_at_the_end = next(asked for asked in stopping.questions if isinstance(asked, FollowRun))
    gone = {asked_at_the_end: answered(KubeflowRun("kf-2", "CANCELED", NOW, out + timedelta(seconds=30)), out)}
    stopped = plan(begun, out + timedelta(minutes=1), of, siblings=before, answers=gone)
    assert outcome(stopped) == ("False", "BudgetExceeded")
    assert stopped.status.conditions[0].message == "pipeline run kf-2 was stopped at the budget of 6.00 EUR per day"
    assert (stopped.status.pipeline_run.cost, stopped.status.pipeline_run.gpu_hours) == ("3.025 EUR", "2.0167")
    assert stopped.status.pipeline_run.duration == HOUR + timedelta(seconds=30)


def test_a_pipeline_that_was_done_in_time_counts_although_it_was_asked_to_stop() -> None:
    of, begun, out = with_budget(per_day=euros("6")), running(2, NOW), NOW + 2 * HOUR
    follow = plan(begun, out, of).questions[0]
    done = {follow: answered(KubeflowRun("kf-2", "SUCCEEDED", NOW, out), out)}
    assert outcome(plan(begun, out, of, answers=done)) == ("Unknown", "Evaluating")


def test_what_a_day_allows_is_there_again_after_midnight() -> None:
    late = datetime(2026, 11, 21, 22, 0, tzinfo=UTC)
    assert spent_out(with_budget(per_day=euros("3")), running(1, late), ()) == (late + HOUR, "3.00 EUR per day")
    of = with_budget(per_day=euros("7"))
    # Two hours before midnight take 6 of 7; then the next day's 7 last for 2 h 20 min.
    assert spent_out(of, running(1, late), ()) == (late + 2 * HOUR + timedelta(minutes=140), "7.00 EUR per day")
    assert spent_out(with_budget(per_day=euros("72")), running(1, late), ()) is None


def test_days_are_those_of_the_zone_also_when_its_clocks_change() -> None:
    # 25 hours: 2026-10-25 in Berlin, whose days begin at 22:00 and end at 23:00 UTC.
    begin = datetime(2026, 10, 24, 22, 0, tzinfo=UTC)
    of = with_budget("Europe/Berlin", per_day=euros("75"))
    ledger = accounted(of, (trained(1, begin, 26),), begin + 30 * HOUR)
    assert ledger is not None
    assert ledger.days == (
        SpentOnDay("2026-10-25", "75", "EUR", "50"),
        SpentOnDay("2026-10-26", "3", "EUR", "2"),
    )


def test_a_run_is_counted_once_and_stays_counted_when_it_is_deleted() -> None:
    of, old = with_budget(per_month=euros("100")), trained(1, NOW - 5 * HOUR, 2)
    first = look(of, NOW, counts(*GOOD), runs=(old,), rates=RATES)
    again = look(replace(of, status=first.status), NOW, counts(*GOOD), runs=(old,), rates=RATES)
    assert first.status.spending == again.status.spending
    gone = look(replace(of, status=first.status), NOW, counts(*GOOD), rates=RATES)
    assert gone.status.spending == first.status.spending
    assert first.status.spending is not None
    assert first.status.spending.this_month == "6.00 EUR, 4.00 GPU-hours"


def test_a_run_that_is_deleted_in_the_middle_is_charged_up_to_when_that_is_seen() -> None:
    of = with_budget(per_month=euros("100"))
    seen = look(of, NOW + HOUR, counts(*GOOD), runs=(running(1, NOW),), rates=RATES)
    later = look(replace(of, status=seen.status), NOW + 2 * HOUR, counts(*GOOD), rates=RATES)
    assert later.status.spending is not None
    assert later.status.spending.days == (SpentOnDay("2026-11-21", "6", "EUR", "4"),)
    assert later.status.spending.running is None


def test_a_run_in_the_middle_is_not_yet_in_the_ledger_and_counts_all_the_same() -> None:
    of = with_budget(per_day=euros("6"))
    judged = replace(running(1, NOW - 3 * HOUR), uid="1")
    known = replace(judged.status.pipeline_run, state="SUCCEEDED", finished_at=NOW - HOUR)
    judged = replace(judged, status=replace(judged.status, pipeline_run=known))
    seen = look(of, NOW, counts(*GOOD), runs=(judged,), rates=RATES)
    assert seen.status.spending is not None
    assert seen.status.spending.days == ()
    rejected = Condition("Succeeded", "False", "GateRejected", "", 1, NOW)
    ended = replace(judged, status=replace(judged.status, conditions=(rejected,)))
    assert outcome(plan(run(2), NOW, replace(of, status=seen.status), siblings=(ended,))) == ("Unknown", "Budget")


def test_months_before_the_last_are_forgotten() -> None:
    old = Spending(9, days=(SpentOnDay("2026-09-30", "5", "EUR"), SpentOnDay("2026-10-01", "7", "EUR")))
    ledger = accounted(with_budget(spending=old, per_month=euros("6")), (), NOW)
    assert ledger is not None
    assert ledger.days == (SpentOnDay("2026-10-01", "7", "EUR"),)


def test_a_new_run_carries_the_price_of_an_hour_as_it_was() -> None:
    of = with_budget(per_month=euros("100"))
    first = look(of, NOW, counts(*BAD), rates=RATES)
    fired = look(replace(of, status=first.status), NOW + timedelta(minutes=10), counts(*BAD), rates=RATES)
    assert fired.create_run is not None
    assert fired.create_run.spec.price == EUR


@pytest.mark.parametrize(
    ("allowance", "rates", "path"),
    [
        (Allowance(Decimal(6), "USD"), RATES, "spec.limits.budget.perDay.currency"),
        (euros("6"), {}, "spec.limits.budget.rates"),
        (euros("6"), {"gpu": replace(RATES["gpu"], namespaces=("other",))}, "spec.limits.budget.rates"),
        (euros("6"), {"gpu": replace(RATES["gpu"], gpus={})}, "spec.pipeline.resources.gpu.type"),
    ],
)
def test_a_budget_that_cannot_be_reckoned_stalls_the_policy(
    allowance: Allowance, rates: dict[str, PipelineRates], path: str
) -> None:
    seen = look(with_budget(per_day=allowance), NOW, counts(*BAD), rates=rates)
    assert condition(seen, "Stalled") == ("True", "InvalidSpec")
    (stalled,) = (each for each in seen.status.conditions if each.type == "Stalled")
    assert stalled.message.startswith(f"{path}: ")


@settings(max_examples=50, deadline=None)
@given(
    starts=st.lists(st.tuples(st.integers(0, 40 * 3600), st.integers(1, 30 * 3600)), min_size=1, max_size=6),
    limit=st.integers(1, 60),
    zone=st.sampled_from(["UTC", "Europe/Berlin", "America/New_York", "Asia/Kathmandu"]),
)
def test_no_day_and_no_month_ever_costs_more_than_it_may(starts: list[tuple[int, int]], limit: int, zone: str) -> None:
    """Around a change of clocks and the end of a month, with stops that take effect at once."""
    of = with_budget(zone, per_day=euros(str(limit)), per_month=euros(str(3 * limit)))
    runs: tuple[RetrainRun, ...] = ()
    at = datetime(2026, 10, 24, tzinfo=UTC)
    for number, (wait, takes) in enumerate(starts, 1):
        at += timedelta(seconds=wait)
        while outcome(plan(run(number), at, of, siblings=runs)) == ("Unknown", "Budget"):
            at += timedelta(hours=1)
        out = spent_out(of, running(number, at), runs)
        end = min(at + timedelta(seconds=takes), out[0] if out else datetime.max.replace(tzinfo=UTC))
        runs = (*runs, trained(number, at, (end - at) / HOUR))
        at = end
    ledger = accounted(of, runs, at)
    assert ledger is not None
    by_month: dict[str, Decimal] = {}
    for day in ledger.days:
        assert Decimal(day.amount) <= limit + Decimal("0.001")
        by_month[day.day[:7]] = by_month.get(day.day[:7], Decimal(0)) + Decimal(day.amount)
    assert all(amount <= 3 * limit + Decimal("0.001") for amount in by_month.values())
