"""A trigger that started a run rests until it is armed again: after recovery, a promotion, or the run's end.

Which run it was stands in the runs; that it is armed again after run 7 stands in the trigger's `handled`, as "7", or as
"7@<time>" while samples that are new since that time are still counted.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

from modelwright.api.run import RetrainRun
from modelwright.api.times import format_time, parse_time
from modelwright.api.triggers import Rearm, RearmAfter, Trigger
from modelwright.metrics.questions import CountsLook, CountsQuestion, MeanLook, MeanQuestion
from modelwright.retraining.plan import lineage
from modelwright.retraining.plan.limits.situation import Hold
from modelwright.retraining.plan.triggers.seen import QUIET, TriggerSeen, View

WAITS_FOR = {
    RearmAfter.RECOVERY: "it has to be quiet once, or another model promoted",
    RearmAfter.PROMOTION: "its model has to be promoted, or come to nothing",
    RearmAfter.RUN_ENDED: "the run has to end",
}


def held(view: View, trigger: Trigger, look: TriggerSeen) -> TriggerSeen:
    """`look`, held back as long as the trigger is not armed again since its newest run."""
    rearm, newest = trigger.rearm, _newest(view, trigger.name)
    if rearm is None or newest is None:
        return replace(look, status=replace(look.status, latched=None)) if look.status.latched else look
    number, since = _known(view, trigger.name)
    if number < newest.spec.number:
        since = _armed_at(view, rearm, newest, look)
        if since is None:
            message = f"{trigger.name} started run {newest.name}: {WAITS_FOR[rearm.after]}"
            return _latched(look, newest, trigger.name, _text(number, None), message)
        number = newest.spec.number
        since = since if rearm.min_samples else None
    if since is None:
        return replace(look, status=replace(look.status, handled=_text(number, None), latched=None))
    return _counting(view, rearm, look, newest, trigger.name, number, since)


def _counting(
    view: View, rearm: Rearm, look: TriggerSeen, newest: RetrainRun, name: str, number: int, since: datetime
) -> TriggerSeen:
    question = _fresh(look, since)
    answer = view.answers.get(question) if question else None
    if answer and _samples(answer.value) >= rearm.min_samples:
        return replace(look, status=replace(look.status, handled=_text(number, None), latched=None))
    message = f"{name} waits for {rearm.min_samples} samples that are new since {format_time(since)}"
    found = _latched(look, newest, name, _text(number, since), message)
    return replace(found, fresh=question)


def _fresh(look: TriggerSeen, since: datetime) -> CountsQuestion | MeanQuestion | None:
    if not isinstance(look.question, CountsQuestion | MeanQuestion):
        return None
    return replace(look.question, arm="new since it was armed", since=since, window=None)


def _samples(look: Any) -> int:
    match look:
        case CountsLook(counts=counts):
            return counts.total
        case MeanLook(moments=moments):
            return moments.count
    return 0


def _latched(look: TriggerSeen, newest: RetrainRun, name: str, handled: str, message: str) -> TriggerSeen:
    fired = next(each.at for each in newest.spec.evidence if each.trigger == name)
    return replace(look, hold=Hold("Latched", message), status=replace(look.status, handled=handled, latched=fired))


def _armed_at(view: View, rearm: Rearm, run: RetrainRun, look: TriggerSeen) -> datetime | None:
    """When the trigger was armed again after `run`, None while it is not."""
    started = run.created_at or max(each.at for each in run.spec.evidence)
    promoted = lineage.promoted_at(view.follower)
    promoted = promoted if promoted and promoted >= started else None
    match rearm.after:
        case RearmAfter.RECOVERY:
            return promoted or (view.now.replace(microsecond=0) if look.status.verdict == QUIET else None)
        case RearmAfter.PROMOTION:
            return promoted or _came_to_nothing(view, run)
        case RearmAfter.RUN_ENDED:
            return lineage.finished_at(run)


def _came_to_nothing(view: View, run: RetrainRun) -> datetime | None:
    """When it was clear that no model of `run` will be promoted. One that is approved and has no rollout is live."""
    finished = lineage.finished_at(run)
    if finished is None or run.status.model is None or not _approved(run) or view.follower is None:
        return finished
    return next((entry.at for entry in view.follower.status.history if entry.version == run.name), None)


def _approved(run: RetrainRun) -> bool:
    condition = lineage.succeeded(run)
    return condition is not None and condition.status == "True"


def _newest(view: View, name: str) -> RetrainRun | None:
    return lineage.newest(run for run in view.runs if any(each.trigger == name for each in run.spec.evidence))


def _known(view: View, name: str) -> tuple[int, datetime | None]:
    before = view.before(name)
    number, _, since = before.handled.partition("@") if before else ("", "", "")
    return (int(number) if number.isdigit() else 0), (parse_time(since) if since else None)


def _text(number: int, since: datetime | None) -> str:
    if not number:
        return ""
    return f"{number}@{format_time(since)}" if since else str(number)
