"""What a setback leads to: failed pipelines, models that the gate rejects, models that a rollout takes back.

How many came in a row stands on the newest run: it was counted when that run was created, and outlives the runs before.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from modelwright.api.policy import RetrainPolicy
from modelwright.api.run import Purpose, RetrainRun, Streak
from modelwright.api.times import format_time
from modelwright.retraining.plan import lineage
from modelwright.retraining.plan.limits.situation import Hold, Situation

# A run that ended without having been worth anything, and without being at fault.
NEUTRAL = ("ChampionChanged", "PolicyGone", lineage.REPLACED, "Superseded", lineage.CANCELLED)
MOST_DOUBLINGS = 30
LONGEST = timedelta(days=366)


def streak(policy: RetrainPolicy, runs: tuple[RetrainRun, ...]) -> Streak:
    """The setbacks in a row up to now. An edit of the spec ends a row of failures: that is how they are mended."""
    newest = lineage.newest(runs)
    if newest is None:
        return Streak()
    found = _with(newest)
    same_spec = newest.spec.policy_generation == policy.generation
    return found if same_spec else Streak(failures=0, rejections=found.rejections)


def failing(situation: Situation) -> Hold | None:
    limits, count = situation.policy.spec.limits.failures, streak(situation.policy, situation.runs).failures
    if limits is None or count == 0:
        return None
    if count >= limits.suspend_after:
        message = f"{count} runs failed in a row; retrain by command, or change the spec"
        return Hold("SuspendedAfterFailures", message)
    backoff = _doubled(limits.backoff, count)
    return _hold("FailureBackoff", f"{_runs(count)} failed", _ended_at(situation), backoff, situation.now)


def rejected(situation: Situation) -> Hold | None:
    limits, count = situation.policy.spec.on_rejected, streak(situation.policy, situation.runs).rejections
    if limits is None or count == 0:
        return None
    backoff = min(_doubled(limits.backoff, count), limits.double_up_to)
    what = f"the gate rejected {_runs(count)}"
    if hold := _hold("RejectedBackoff", what, _ended_at(situation), backoff, situation.now):
        return hold
    if situation.new_rows < limits.new_rows:
        return Hold("NewRowsNeeded", f"{what}; triggers wait for {limits.new_rows} new rows")
    return None


def rolled_back(situation: Situation) -> Hold | None:
    """Only the newest approved model counts: with another one approved since, the matter is closed."""
    limits, follower = situation.policy.spec.on_rolled_back, situation.follower
    approved = lineage.approved_model(situation.policy.status.approved, situation.runs)
    if limits is None or follower is None or approved is None:
        return None
    at = lineage.latest(each.at for each in follower.status.rejected if each.version == approved.model.version)
    return _hold("RolledBackBackoff", f"{approved.model.version} was rolled back", at, limits.backoff, situation.now)


def _with(run: RetrainRun) -> Streak:
    """The streak that ends with `run`."""
    before, condition = run.spec.streak, lineage.succeeded(run)
    scored = run.spec.purpose is Purpose.EVALUATE and run.status.phase == "Evaluated"
    if condition is None or not lineage.finished(run) or condition.reason in NEUTRAL or scored:
        return before
    if condition.status == "True":
        return Streak()
    if run.status.phase == "Rejected":
        return Streak(failures=0, rejections=before.rejections + 1)
    return Streak(failures=before.failures + 1, rejections=before.rejections)


def _ended_at(situation: Situation) -> datetime | None:
    return lineage.latest(lineage.finished_at(run) for run in situation.runs)


def _doubled(backoff: timedelta, count: int) -> timedelta:
    doublings: int = 2 ** min(count - 1, MOST_DOUBLINGS)
    return min(backoff, LONGEST / doublings) * doublings


def _hold(reason: str, what: str, since: datetime | None, backoff: timedelta, now: datetime) -> Hold | None:
    if since is None or now >= since + backoff:
        return None
    return Hold(reason, f"{what}; triggers wait until {format_time(since + backoff)}", since + backoff)


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs in a row"
