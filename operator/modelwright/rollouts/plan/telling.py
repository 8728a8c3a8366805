"""Webhooks after a step are told that it has passed, until they take note: status remembers who was not told yet.

A restart neither forgets one nor tells it again; who crashes between the call and the status does, under the same id.
"""

from __future__ import annotations

from datetime import timedelta

from modelwright.api.rollout import StepStatus
from modelwright.api.untold import Untold
from modelwright.rollouts.plan.draft import Draft
from modelwright.rollouts.plan.hooking import are_asked, body_of, split_told
from modelwright.webhooks.questions import Call, Heard, Moment, Outcome

GIVEN_UP = timedelta(hours=1)
"""After so long it is no news any more."""

MOST = 16
"""As many as the schema allows."""


def tell_passed(draft: Draft, step: StepStatus) -> None:
    """`step` has passed: every webhook of `afterStep` is to know."""
    if not are_asked(draft):
        return
    told = {"number": step.number, "of": step.of, **split_told(draft, step)}
    begun = int(step.started_at.timestamp())
    id_ = f"{draft.seen.rollout.uid}/{draft.candidate.revision}/{step.number}/{begun}/passed"
    body = body_of(draft, Moment.AFTER_STEP, told)
    news = [Untold(name, id_, body, draft.now) for name in draft.spec.after_step]
    if news:
        draft.change(untold=(*draft.status.untold, *news)[-MOST:])


def heed_answers(draft: Draft) -> None:
    """Whoever answered knows, whatever the answer; whoever did not for long is given up."""
    left = []
    for untold in draft.status.untold:
        answer = draft.seen.answers.get(_call(untold))
        heard = answer.value if answer and isinstance(answer.value, Heard) else None
        if heard and heard.outcome is not Outcome.UNANSWERED:
            continue
        remaining = untold.at + GIVEN_UP - draft.now
        if remaining <= timedelta(0):
            why = heard.message if heard else f"webhook '{untold.webhook}' was never reached"
            draft.tell("WebhookNotTold", f"{why}: it was not told that a step has passed", warn=True)
            continue
        draft.look_again(remaining)
        left.append(untold)
    if len(left) != len(draft.status.untold):
        draft.change(untold=tuple(left))


def questions(draft: Draft) -> tuple[Call, ...]:
    """Also at rest: the last step has passed when the rollout is over."""
    namespace = draft.seen.rollout.namespace
    return tuple(
        _call(untold)
        for untold in draft.status.untold
        if (known := draft.seen.webhooks.get(untold.webhook)) and known.allows(namespace)
    )


def _call(untold: Untold) -> Call:
    return Call(untold.webhook, Moment.AFTER_STEP, untold.id, untold.body)
