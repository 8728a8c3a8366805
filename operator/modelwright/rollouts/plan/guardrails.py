"""What to ask of the metric sources, and what their answers say about the candidate."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from modelwright.analysis.alpha import per_decision
from modelwright.analysis.comparison import compare_with_stable
from modelwright.analysis.counts import Counts
from modelwright.analysis.share import observed_share
from modelwright.analysis.threshold import fast_limit, within
from modelwright.analysis.verdict import Finding, Verdict
from modelwright.api.metrics import Metric, Mode, RequiredFor
from modelwright.api.presets import REQUESTS
from modelwright.api.rollout import Arm, Confirm, MetricStatus
from modelwright.cluster.answers import Answer
from modelwright.metrics.questions import CountsLook, CountsQuestion, NoLook, ValueLook, ValueQuestion
from modelwright.metrics.variables import render, selector
from modelwright.rollouts.plan.draft import Draft

ENOUGH_SAMPLES = 50
"""Observations of the candidate below which a comparison says nothing about a step."""


@dataclass(frozen=True)
class Judged:
    """One metric's newest finding. `asked_at` is when the older of its two looks was asked, None without any.

    `failures` counts failing looks in a row; `permanent` marks what a person has to mend.
    """

    metric: Metric
    finding: Finding
    asked_at: datetime | None
    failures: int = 0
    permanent: bool = False

    @property
    def decides(self) -> bool:
        return self.metric.mode is Mode.DECIDE

    @property
    def fails(self) -> bool:
        return self.decides and self.finding.verdict is Verdict.FAIL

    @property
    def lets_hold(self) -> bool:
        """Steps need no failure with enough samples; a metric that is required for every step needs a Pass."""
        if not self.decides or self.finding.verdict is Verdict.PASS:
            return True
        return (
            self.finding.verdict is Verdict.INCONCLUSIVE
            and self.metric.required_for is RequiredFor.PROMOTION
            and self.finding.samples >= ENOUGH_SAMPLES
        )

    @property
    def lets_promote(self) -> bool:
        return not self.decides or self.finding.verdict is Verdict.PASS


def due(metric: Metric, candidate: Arm) -> bool:
    """At 100 % stable has no traffic: nothing can be compared with it, only absolute bounds may fail."""
    return candidate.weight < 100 or metric.threshold is not None or metric.fast_limit is not None


def questions(draft: Draft) -> tuple[Any, ...]:
    """Everything that the stage of `draft` wants to know, rendered for the arms that it compares."""
    status, step = draft.status, draft.status.step
    if not status.candidate or not status.stable or not step:
        return ()
    asked: list[Any] = []
    if _share_is_open(draft):
        asked += _share_questions(draft)
    if step.evidence_since and step.evidence_since <= draft.now:
        for metric in draft.spec.analysis.metrics:
            if due(metric, status.candidate):
                asked += _questions_of(draft, metric, step.evidence_since)
    return tuple(asked)


def judge(draft: Draft) -> tuple[Judged, ...]:
    """The finding of every metric that is due, from the newest answers to this step's questions."""
    step = draft.status.step
    if not step or not step.evidence_since or step.evidence_since > draft.now:
        return ()
    analysis = draft.spec.analysis
    deciding = sum(1 for metric in analysis.metrics if metric.mode is Mode.DECIDE and metric.stable)
    alpha = per_decision(analysis.error_rate, max(1, deciding), max(1, len(draft.spec.steps)))
    return tuple(
        _judge_one(draft, metric, step.evidence_since, alpha)
        for metric in analysis.metrics
        if due(metric, draft.candidate)
    )


def judge_share(draft: Draft) -> Finding:
    """Whether the traffic seen since the route accepted the weight is the traffic asked for."""
    step = draft.status.step
    assert step is not None
    if draft.spec.confirm is Confirm.ROUTE_ACCEPTED:
        return Finding(Verdict.PASS, "RouteAccepted", "the route accepted the weights")
    counted = [_counts(draft.seen.answers.get(question)) for question in _share_questions(draft)]
    stable, candidate = counted if step.weight < 100 else (Counts(0, 0), counted[0])
    for arm in (stable, candidate):
        if isinstance(arm, Finding):
            return arm
    assert isinstance(stable, Counts)
    assert isinstance(candidate, Counts)
    if step.weight == 100:
        reached = candidate.total >= ENOUGH_SAMPLES
        verdict = Verdict.PASS if reached else Verdict.INCONCLUSIVE
        return Finding(verdict, "ObservedShare", "the candidate serves all traffic", candidate.total)
    return observed_share(stable.total, candidate.total, weight=step.weight)


def _share_is_open(draft: Draft) -> bool:
    step = draft.status.step
    return bool(
        draft.spec.confirm is Confirm.OBSERVED_SHARE and step and step.accepted_at and step.confirmed_at is None
    )


def _share_questions(draft: Draft) -> list[CountsQuestion]:
    step = draft.status.step
    assert step is not None
    arms = [("candidate", draft.candidate)] if step.weight == 100 else _both_arms(draft)
    return [
        CountsQuestion(
            draft.spec.analysis.source,
            "share",
            name,
            *(_render(draft, REQUESTS, arm),) * 2,
            interval=draft.spec.analysis.interval,
            since=step.accepted_at,
        )
        for name, arm in arms
    ]


def _both_arms(draft: Draft) -> list[tuple[str, Arm]]:
    return [("stable", draft.stable), ("candidate", draft.candidate)]


def _questions_of(draft: Draft, metric: Metric, since: datetime) -> list[CountsQuestion | ValueQuestion]:
    analysis = draft.spec.analysis
    if metric.value:
        query = _render(draft, metric.value.query, draft.candidate)
        samples = _render(draft, metric.value.samples, draft.candidate) if metric.value.samples else ""
        return [ValueQuestion(analysis.source, metric.name, "candidate", query, samples, analysis.interval)]
    assert metric.proportion is not None
    compared = metric.stable and draft.candidate.weight < 100
    return [
        CountsQuestion(
            analysis.source,
            metric.name,
            name,
            _render(draft, metric.proportion.events, arm),
            _render(draft, metric.proportion.total, arm),
            analysis.interval,
            since=since,
        )
        for name, arm in (_both_arms(draft) if compared else [("candidate", draft.candidate)])
    ]


def _render(draft: Draft, template: str, arm: Arm) -> str:
    rollout = draft.seen.rollout
    return render(
        template,
        {
            "selector": selector(rollout.namespace, rollout.name, arm.revision),
            "namespace": rollout.namespace,
            "name": rollout.name,
            "revision": arm.revision,
            "version": arm.model.version,
            "window": f"{max(60, int(4 * draft.spec.analysis.interval.total_seconds()))}s",
        },
    )


def _judge_one(draft: Draft, metric: Metric, since: datetime, alpha: float) -> Judged:
    answers = [draft.seen.answers.get(question) for question in _questions_of(draft, metric, since)]
    times = [answer.started_at for answer in answers if answer]
    asked_at = min(times) if len(times) == len(answers) else None
    permanent = any(a and isinstance(a.value, NoLook) and a.value.permanent for a in answers)
    finding = _value_finding(metric, answers[0]) if metric.value else _counts_finding(metric, answers, alpha)
    failures = _failures(draft, metric, asked_at) if finding.verdict is Verdict.FAIL else 0
    if finding.verdict is Verdict.FAIL and metric.threshold and failures < metric.consecutive_failures:
        # Inconclusive without samples neither fails nor lets the hold go on.
        finding = replace(finding, verdict=Verdict.INCONCLUSIVE, samples=0)
    return Judged(metric, finding, asked_at, failures, permanent)


def _value_finding(metric: Metric, answer: Answer | None) -> Finding:
    look = answer.value if answer else None
    if isinstance(look, ValueLook) and metric.threshold:
        return within(look.value, look.samples, metric.threshold)
    return _no_finding(look)


def _counts_finding(metric: Metric, answers: list[Answer | None], alpha: float) -> Finding:
    counts = [_counts(answer) for answer in answers]
    candidate = counts[-1]
    if isinstance(candidate, Counts) and metric.fast_limit:
        fast = fast_limit(candidate, metric.fast_limit)
        if fast.verdict is Verdict.FAIL:
            return fast
    for arm in counts:
        if isinstance(arm, Finding):
            return arm
    assert isinstance(candidate, Counts)
    if len(counts) == 2 and metric.stable:
        stable = counts[0]
        assert isinstance(stable, Counts)
        return compare_with_stable(stable, candidate, against=metric.stable, alpha=alpha)
    if candidate.total < ENOUGH_SAMPLES:
        return Finding(Verdict.NO_DATA, "TooFewSamples", f"needs {ENOUGH_SAMPLES} observations", candidate.total)
    if metric.threshold:
        return within(candidate.events / candidate.total, candidate.total, metric.threshold)
    return Finding(Verdict.PASS, "WithinFastLimit", "below its fast limit", candidate.total)


def _counts(answer: Answer | None) -> Counts | Finding:
    look = answer.value if answer else None
    return look.counts if isinstance(look, CountsLook) else _no_finding(look)


def _no_finding(look: Any) -> Finding:
    if isinstance(look, NoLook):
        return Finding(look.verdict, look.reason, look.message)
    if isinstance(look, Exception):
        return Finding(Verdict.ERROR, "QueryFailed", f"asking failed: {type(look).__name__}")
    return Finding(Verdict.NO_DATA, "NotYetMeasured", "no answer yet")


def _failures(draft: Draft, metric: Metric, asked_at: datetime | None) -> int:
    known = next((m for m in draft.status.metrics if m.name == metric.name), None)
    if known is None:
        return 1
    is_new_look = asked_at is not None and (known.at is None or asked_at > known.at)
    return known.failures + (1 if is_new_look else 0)


def record(draft: Draft, judged: Iterable[Judged]) -> None:
    """Keep the numbers of each metric's last transition. Live numbers are in the operator's metrics, not here."""
    before = {metric.name: metric for metric in draft.status.metrics}

    def status_of(item: Judged) -> MetricStatus:
        finding, known = item.finding, before.get(item.metric.name)
        if (
            known
            and (known.verdict, known.reason) == (finding.verdict, finding.reason)
            and known.failures == item.failures
        ):
            return known
        return MetricStatus(
            item.metric.name,
            finding.verdict,
            finding.reason,
            finding.message,
            finding.stable,
            finding.candidate,
            finding.bound,
            finding.samples,
            item.failures,
            item.asked_at or draft.now,
        )

    draft.change(metrics=tuple(status_of(item) for item in judged) or draft.status.metrics)


def oldest_look(judged: Iterable[Judged]) -> datetime | None:
    """When the oldest of the deciding looks was asked; None if one of them was never answered."""
    times = [item.asked_at for item in judged if item.decides]
    return None if any(time is None for time in times) else min((t for t in times if t), default=None)
