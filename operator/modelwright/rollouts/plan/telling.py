"""Webhooks are told that a step has passed, or how a rollout ended, until they take note: status remembers who was not.

A restart neither forgets one nor tells it again; who crashes between the call and the status does, under the same id.
"""

from __future__ import annotations

import json
from datetime import timedelta

from modelwright.api.rollout import StepStatus
from modelwright.api.untold import Untold
from modelwright.rollouts.plan.draft import Draft
from modelwright.rollouts.plan.hooking import are_asked, body_of, split_told, told_of
from modelwright.webhooks.questions import Call, Heard, Moment, Outcome

GIVEN_UP = timedelta(hours=1)
"""After so long it is no news any more."""

NEWS = {Moment.AFTER_STEP: "that a step has passed", Moment.AFTER_ROLLOUT: "how a rollout ended"}

MOST_OF_A_REASON = 500
"""Characters, so that a body always fits into status beside two models: else no rollback could be saved."""

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
    _note(draft, draft.spec.after_step, id_, body)


def tell_ended(draft: Draft) -> None:
    """If a rollout ended in this pass, by whichever way: every webhook of `afterRollout` is to know."""
    before, after = draft.seen.rollout.status, draft.status
    if not after.history or after.history[:1] == before.history[:1]:
        return
    entry, rollout = after.history[0], draft.seen.rollout
    arms = (before.candidate, before.stable, after.stable)
    tried = next((arm for arm in arms if arm and arm.revision == entry.revision), None)
    rejection = next((known for known in after.rejected if known.revision == entry.revision), None)
    body = {
        "event": str(Moment.AFTER_ROLLOUT),
        "namespace": rollout.namespace,
        "name": rollout.name,
        "result": entry.result,
        "reason": rejection.reason[:MOST_OF_A_REASON] if rejection else "",
        "candidate": told_of(tried) if tried else {"revision": entry.revision, "version": entry.version},
        "stable": told_of(after.stable) if after.stable else {},
    }
    id_ = f"{rollout.uid}/{entry.revision}/{int(entry.at.timestamp())}/ended"
    _note(draft, draft.spec.after_rollout, id_, json.dumps(body, sort_keys=True, ensure_ascii=False))


def _note(draft: Draft, webhooks: tuple[str, ...], id_: str, body: str) -> None:
    news = [Untold(name, id_, body, draft.now) for name in webhooks]
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
            draft.tell("WebhookNotTold", f"{why}: it was not told {NEWS[_moment(untold)]}", warn=True)
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
    return Call(untold.webhook, _moment(untold), untold.id, untold.body)


def _moment(untold: Untold) -> Moment:
    return Moment(json.loads(untold.body)["event"])
