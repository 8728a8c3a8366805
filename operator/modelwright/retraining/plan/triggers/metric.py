"""Metric triggers: what they ask, and how looks become Quiet, Pending and Firing.

`since` is kept in status, so that a `for` goes on through a restart. A gap in looks (no data, errors, an operator that
was down) neither fires nor clears a trigger: it shows as NoData or Error, and `since` survives it if the gap is not
longer than about the `for` itself. Without interruption a trigger fires when `for` is over, so one that has not fired
after twice that time was not looked at for at least `for`; its clock starts anew.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from modelwright.analysis.threshold import bounds_text
from modelwright.analysis.trigger import mean_outside, outside_with_confidence, value_outside
from modelwright.analysis.verdict import Finding, Verdict
from modelwright.api.metrics import Bounds
from modelwright.api.policy import Baseline, TriggerStatus
from modelwright.api.run import Evidence
from modelwright.api.triggers import MetricTrigger, Trigger
from modelwright.metrics.questions import CountsLook, MeanLook, NoLook, ValueLook
from modelwright.metrics.reasons import Reason
from modelwright.retraining.plan.triggers import baseline
from modelwright.retraining.plan.triggers.asking import MetricQuestion, query_text, question_of, source_of
from modelwright.retraining.plan.triggers.past import bounds_of, past_question
from modelwright.retraining.plan.triggers.seen import (
    ERROR,
    FIRING,
    NO_DATA,
    PENDING,
    QUIET,
    TriggerSeen,
    View,
)

TOO_OLD_AFTER = 3
MAX_QUERY = 4096


def look_at(view: View, trigger: Trigger, index: int) -> TriggerSeen:
    """One metric trigger (the `index`-th), with the newest answer to its question. InvalidSpec for what cannot work as
    written."""
    metric, champion = trigger.metric, view.champion
    assert metric is not None
    past = (
        past_question(view, trigger.name, metric, champion, f"spec.triggers[{index}].{metric.written}")
        if champion
        else None
    )
    look = replace(_look_at(view, trigger, index, bounds_of(view, trigger.name, metric, past)), past=past)
    if metric.baseline is None or champion is None:
        return look
    return replace(look, status=replace(look.status, baseline=_baseline(view, trigger.name, metric, look.question)))


def _look_at(view: View, trigger: Trigger, index: int, bounds: Bounds | Finding | None) -> TriggerSeen:
    policy, champion, now = view.policy, view.champion, view.now
    metric = trigger.metric
    assert metric is not None
    before = _before(view, trigger)
    bound = bounds_text(bounds) if isinstance(bounds, Bounds) and not metric.baseline else ""
    path = f"spec.triggers[{index}].{metric.written}"
    source = source_of(metric, path, policy.namespace, view.sources)
    if champion is None:
        return TriggerSeen(_status(before, trigger.name, NO_DATA, "NoChampion", view.no_champion, bound=bound))
    question = question_of(policy, trigger.name, metric, champion, source, path)
    answer = view.answers.get(question)
    if bounds is None or answer is None or _stands(answer.value):
        kept = before or _status(None, trigger.name, NO_DATA, "NotLookedYet", "not looked at yet", bound=bound)
        return TriggerSeen(kept, question)
    if now - answer.started_at > TOO_OLD_AFTER * question.interval + source.timeout:
        message = "the newest look is too old; the metric source answers late or not at all"
        status = _status(before, trigger.name, NO_DATA, "Stale", message, bound=bound, since=_since(before))
        return TriggerSeen(status, question)
    if isinstance(answer.value, NoLook):
        look = answer.value
        verdict = NO_DATA if look.verdict is Verdict.NO_DATA else ERROR
        status = _status(before, trigger.name, verdict, look.reason, look.message, bound=bound, since=_since(before))
        return TriggerSeen(status, question, broken=look.message if look.permanent else "")
    if metric.baseline:
        bounds = baseline.bounds_of(view, metric, _baseline(view, trigger.name, metric, question))
    finding = bounds if isinstance(bounds, Finding) else _judge(baseline.judged_at(metric), bounds, answer.value)
    if finding is None:
        message = f"the source failed: {type(answer.value).__name__}"
        status = _status(before, trigger.name, ERROR, "SourceFailed", message, bound=bound, since=_since(before))
        return TriggerSeen(status, question)
    return _seen(before, trigger.name, metric, question, finding, answer.started_at)


def _baseline(view: View, name: str, metric: MetricTrigger, question: MetricQuestion) -> Baseline | None:
    """What is known of it, or what the newest look makes it."""
    assert view.champion is not None
    answer = view.answers.get(question)
    return baseline.known(view, name, view.champion, question) or (
        baseline.recorded(view, metric, view.champion, question, answer.value, answer.started_at) if answer else None
    )


def _seen(
    before: TriggerStatus | None,
    name: str,
    metric: MetricTrigger,
    question: MetricQuestion,
    finding: Finding,
    at: datetime,
) -> TriggerSeen:
    since: datetime | None
    if finding.verdict is Verdict.FAIL:
        since = _crossed_since(before, metric.hold, at)
        verdict = FIRING if at - since >= metric.hold else PENDING
    elif finding.verdict in (Verdict.NO_DATA, Verdict.ERROR):
        verdict, since = (NO_DATA if finding.verdict is Verdict.NO_DATA else ERROR), _since(before)
    else:
        verdict, since = QUIET, None
    status = _status(
        before,
        name,
        verdict,
        finding.reason,
        finding.message,
        value=finding.candidate,
        bound=finding.bound,
        samples=finding.samples,
        since=since,
    )
    if verdict != FIRING:
        return TriggerSeen(status, question)
    window = metric.window
    evidence = Evidence(
        trigger=name,
        at=at,
        query=query_text(question)[:MAX_QUERY],
        value=finding.candidate,
        bound=finding.bound,
        samples=finding.samples,
        window_start=at - window if window else since,
    )
    return TriggerSeen(status, question, evidence)


def _stands(look: Any) -> bool:
    """Nothing was counted since the look before, which still stands."""
    return isinstance(look, NoLook) and look.reason == Reason.NOT_GROWN


def _judge(metric: MetricTrigger, bounds: Bounds, look: Any) -> Finding | None:
    match look:
        case CountsLook():
            return outside_with_confidence(
                look.counts, bounds, confidence=metric.confidence, min_samples=metric.min_samples
            )
        case MeanLook() if metric.mean:
            return mean_outside(
                look.moments, metric.mean, bounds, confidence=metric.confidence, min_samples=metric.min_samples
            )
        case ValueLook():
            return value_outside(look.value, look.samples, bounds, min_samples=metric.min_samples)
        case _:
            return None


def _before(view: View, trigger: Trigger) -> TriggerStatus | None:
    """The trigger's last status, unless it was about another champion or another spec."""
    known, champion = view.policy.status.champion, view.champion
    if (known.revision if known else "") != (champion.revision if champion else ""):
        return None
    if view.policy.status.observed_generation != view.policy.generation:
        return None
    return view.before(trigger.name)


def _since(before: TriggerStatus | None) -> datetime | None:
    return before.since if before else None


def _crossed_since(before: TriggerStatus | None, hold: timedelta, at: datetime) -> datetime:
    if before is None or before.since is None:
        return at
    gap_is_too_long = before.verdict != FIRING and at - before.since > 2 * hold
    return at if gap_is_too_long else before.since


def _status(
    before: TriggerStatus | None,
    name: str,
    verdict: str,
    reason: str,
    message: str,
    *,
    value: str = "",
    bound: str = "",
    samples: int = 0,
    since: datetime | None = None,
) -> TriggerStatus:
    """The new status, or the old one while nothing but its numbers would change: status keeps those of the last
    transition, else every look would be a write."""
    if before and (before.verdict, before.reason, before.since) == (verdict, reason, since):
        return before
    return TriggerStatus(name, verdict, str(reason), message, value, bound, samples, since)
