"""What status keeps of the metrics: the numbers of the last transition, and evidence that a restart must not lose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

from modelwright.api.rollout import MetricStatus
from modelwright.rollouts.plan.draft import Draft
from modelwright.rollouts.plan.judged import Judged
from modelwright.rollouts.plan.margins import bounds_written, margin_written

CHECKPOINT = timedelta(minutes=1)
"""How often running numbers go to status: how much of a hold, and of the division into blocks, a restart may cost."""


def record(draft: Draft, judged: Sequence[Judged]) -> None:
    """Keep each verdict's transition. Live numbers are in the operator's metrics, not here."""
    before = {metric.name: metric for metric in draft.status.metrics}
    found = tuple(_status_of(draft, item, before.get(item.metric.name)) for item in judged)
    if found:
        draft.change(metrics=found)
    _checkpoint(draft, judged)


def _status_of(draft: Draft, item: Judged, known: MetricStatus | None) -> MetricStatus:
    finding, asked_at = item.finding, item.asked_at or draft.now
    same = known is not None and known.verdict == finding.verdict
    since = known.since if known and same else asked_at
    compare, margin = margin_written(item.metric.stable)
    low, high = bounds_written(item.metric.threshold)
    judged: dict[str, Any] = {"compare": compare, "margin": margin, "min": low, "max": high}
    lacking = (known.no_data_since if known else None) or draft.now
    if known and same and known.reason == finding.reason:
        return replace(known, no_data_since=lacking if item.lacks_data else None, **judged)
    return MetricStatus(
        item.metric.name,
        finding.verdict,
        finding.reason,
        finding.message,
        finding.stable,
        finding.candidate,
        finding.bound,
        finding.samples,
        since=since,
        no_data_since=lacking if item.lacks_data else None,
        **judged,
        evidence=known.evidence if known else "",
        at=asked_at,
    )


def _checkpoint(draft: Draft, judged: Sequence[Judged]) -> None:
    """Save what the blocks have added up to, not more often than CHECKPOINT. The hold saves its time with it."""
    step = draft.status.step
    assert step is not None
    if step.saved_at and draft.now - step.saved_at < CHECKPOINT:
        return
    evidence = {item.metric.name: item.evidence.encoded() for item in judged if item.evidence and item.kept}
    metrics = tuple(
        replace(status, evidence=evidence.get(status.name, status.evidence)) for status in draft.status.metrics
    )
    if metrics != draft.status.metrics:
        draft.change(metrics=metrics)
        draft.change_step(saved_at=draft.now)
