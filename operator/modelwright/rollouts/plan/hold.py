"""The hold of a step: time in which every guardrail that is due passes, and the look after it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from modelwright.rollouts.plan.draft import Draft
from modelwright.rollouts.plan.judged import Judged, oldest_look
from modelwright.rollouts.plan.recording import CHECKPOINT

MAX_GAP = 2
"""Intervals between two looks beyond which the time between them does not count as held."""


def count(draft: Draft, judged: Sequence[Judged], hold: timedelta) -> bool:
    """Count the hold on, and say whether it is over and every deciding look is younger than its end."""
    step, interval = draft.status.step, draft.spec.analysis.interval
    assert step is not None
    asked_at = _oldest_look(draft, judged)
    lets = all(item.lets_hold for item in judged)
    fresh = asked_at is not None and draft.now - asked_at <= MAX_GAP * interval
    if not (lets and fresh):
        _end_stretch(draft, asked_at, interval if not lets else timedelta(0))
        return False
    if step.passing_since is None:
        draft.change_step(passing_since=draft.now)
        draft.look_again(hold - step.held)
        return False
    # Together with the evidence, if that is saved in this pass: one write, not two.
    if draft.now - step.passing_since >= CHECKPOINT or step.saved_at == draft.now:
        draft.change_step(held=step.held + (draft.now - step.passing_since), passing_since=draft.now)
    over_at = step.passing_since + (hold - step.held)
    if draft.now < over_at:
        draft.look_again(over_at - draft.now)
        return False
    # Look before every step: a query that started before the hold was over has not seen its end.
    return asked_at is not None and asked_at >= over_at and draft.now - asked_at <= interval


def is_over(draft: Draft, hold: timedelta) -> bool:
    """Whether as much was held as `hold`, whatever the looks after it say."""
    step = draft.status.step
    assert step is not None
    running = draft.now - step.passing_since if step.passing_since else timedelta(0)
    return step.held + running >= hold


def let_raise(draft: Draft, judged: Sequence[Judged], *, to_all: bool) -> bool:
    """Whether the newest looks, younger than one interval, let the weight go up: `to_all`, or all but a control.

    The pods of a step may take long to come up: what let the last step pass may no longer be true.
    """
    asked_at = _oldest_look(draft, judged)
    if asked_at is None or draft.now - asked_at > draft.spec.analysis.interval:
        return False
    return all(item.lets_promote if to_all else item.lets_hold for item in judged)


def _oldest_look(draft: Draft, judged: Sequence[Judged]) -> datetime | None:
    """As `oldest_look`; None during `initialDelay`: nothing is looked at yet, which is not the same as all is well."""
    step = draft.status.step
    assert step is not None
    if step.evidence_since is not None and step.evidence_since > draft.now:
        draft.look_again(step.evidence_since - draft.now)
        return None
    return oldest_look(judged, draft.now)


def _end_stretch(draft: Draft, asked_at: datetime | None, unsure: timedelta) -> None:
    """Keep what was surely held: up to the last good look, which was one interval before a bad one."""
    step = draft.status.step
    assert step is not None
    if step.passing_since is None:
        return
    good_until = (asked_at - unsure) if asked_at else step.passing_since
    held = max(timedelta(0), good_until - step.passing_since)
    draft.change_step(held=step.held + held, passing_since=None)
