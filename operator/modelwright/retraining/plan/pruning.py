"""Which RetrainRuns have had their time: as many of each kind stay as the policy says, and those that are needed.

Never pruned: unfinished runs, the newest, the approved one, the champion's, and any that a rollout names; nor one of
the last day, by which limits count.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from modelwright.api.policy import History, PolicyStatus
from modelwright.api.rollout import ModelRollout
from modelwright.api.run import RetrainRun
from modelwright.retraining.plan import lineage

COUNTED_FOR = timedelta(days=1, hours=1)
AT_ONCE = 10


def prunable(
    runs: Sequence[RetrainRun],
    history: History,
    status: PolicyStatus,
    followers: Iterable[ModelRollout],
    now: datetime,
) -> tuple[RetrainRun, ...]:
    """The oldest first, at most AT_ONCE."""
    kept = _needed(runs, status, followers)
    limits = {"Approved": history.approved, "Rejected": history.rejected, "Failed": history.failed}
    limits["Evaluated"] = history.rejected
    seen = dict.fromkeys(limits, 0)
    found = []
    for run in sorted(runs, key=lambda run: -run.spec.number):
        kind = _kind(run)
        if not kind or run.deleted_at is not None:
            continue
        seen[kind] += 1
        old = run.created_at is not None and now - run.created_at >= COUNTED_FOR
        if seen[kind] > limits[kind] and old and run.name not in kept:
            found.append(run)
    return tuple(reversed(found))[:AT_ONCE]


def _kind(run: RetrainRun) -> str:
    """ "" for a run that is not finished."""
    condition = lineage.succeeded(run)
    if condition is None or condition.status == "Unknown":
        return ""
    if run.status.phase == "Evaluated":
        return "Evaluated"
    if condition.status == "True":
        return "Approved"
    return "Rejected" if run.status.phase == "Rejected" else "Failed"


def _needed(runs: Sequence[RetrainRun], status: PolicyStatus, followers: Iterable[ModelRollout]) -> frozenset[str]:
    """Names of runs; the version of a run's model is the run's name."""
    newest = lineage.newest(runs)
    names = {newest.name if newest else "", status.last_run}
    if status.approved:
        names.add(status.approved.retrain_run)
    if status.champion:
        names.add(status.champion.model.version)
    for rollout in followers:
        named = rollout.status
        for arm in (named.stable, named.candidate):
            if arm:
                names |= {arm.retrain_run, arm.model.version}
        names |= {entry.version for entry in named.history} | {entry.version for entry in named.rejected}
        if named.pin:
            names.add(named.pin.model.version)
    return frozenset(names)
