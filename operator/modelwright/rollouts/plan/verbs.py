"""What each command does to a rollout, or why it is refused. All of them are named in `VERBS`."""

from __future__ import annotations

from collections.abc import Callable

from modelwright.api.rollout import Stage
from modelwright.api.steering import Waived
from modelwright.rollouts.plan.draft import Draft
from modelwright.rollouts.plan.leaving import leave
from modelwright.rollouts.plan.pausing import SUSPENDED, pause, resume
from modelwright.rollouts.plan.pinning import pin, roll_back, unpin
from modelwright.rollouts.plan.refusing import Refused
from modelwright.rollouts.plan.stepping import skip_leg, take_shortcut, without_hold

MAX_ACTOR = 200


def _not_the_candidate(draft: Draft, revision: str) -> Refused | None:
    stage, candidate = draft.status.stage, draft.status.candidate
    if stage not in (Stage.STEPPING, Stage.BAKING) or candidate is None or draft.status.stable is None:
        return Refused("there is no rollout under way that could still turn back")
    if candidate.revision != revision:
        return Refused(f"it names revision '{revision[:20]}', but the candidate is {candidate.revision}")
    return None


def _promote(draft: Draft, revision: str, actor: str) -> Refused | None:
    refused = _not_the_candidate(draft, revision)
    if not refused:
        resume(draft)
        without_hold(draft)
    return refused


def _skip(draft: Draft, revision: str, actor: str) -> Refused | None:
    refused = _not_the_candidate(draft, revision)
    if refused:
        return refused
    step = draft.status.step
    if draft.leg is None and step and step.asked_at is None:
        return Refused("no step is left: 100 % waits for its verdicts, which only `promote-full` waives")
    resume(draft)
    if draft.leg is None or draft.holds_back:
        without_hold(draft)
    elif not skip_leg(draft):
        return Refused("it is the last step, and nothing follows it but its verdict")
    return None


def _promote_full(draft: Draft, revision: str, actor: str) -> Refused | None:
    refused = _not_the_candidate(draft, revision)
    if not refused:
        resume(draft)
        take_shortcut(draft, Waived.STEPS_AND_BAKE, actor)
    return refused


def _pause(draft: Draft, revision: str, actor: str) -> Refused | None:
    refused = _not_the_candidate(draft, revision)
    if refused:
        return refused
    if draft.status.paused:
        return Refused(f"it is paused already: {draft.status.paused}")
    pause(draft, "PausedByCommand", f"paused by {actor or 'command'}")
    return None


def _resume(draft: Draft, revision: str, actor: str) -> Refused | None:
    refused = _not_the_candidate(draft, revision)
    if refused:
        return refused
    if not draft.status.paused:
        return Refused("it is not paused")
    if draft.status.paused == SUSPENDED:
        return Refused("spec.state is Suspended: set it to Active")
    resume(draft)
    return None


def _abort(draft: Draft, revision: str, actor: str) -> Refused | None:
    refused = _not_the_candidate(draft, revision)
    if not refused:
        leave(draft, Stage.ABORTING, "Aborted", f"aborted by {actor or 'command'}", reject=True)
    return refused


def _retry(draft: Draft, revision: str, actor: str) -> Refused | None:
    kept = tuple(known for known in draft.status.rejected if known.revision != revision)
    gave_up = bool(draft.status.paused) and draft.status.stage is None
    if len(kept) == len(draft.status.rejected) and not gave_up:
        return Refused(f"revision '{revision[:20]}' is not rejected")
    draft.change(rejected=kept, paused="", paused_message="")
    return None


VERBS: dict[str, Callable[[Draft, str, str], Refused | None]] = {
    "promote": _promote,  # go on to the next step without the rest of the hold
    "skip": _skip,  # go on to the next step at once
    "promote-full": _promote_full,  # go on to 100 % and the end, over nothing but ready endpoints and a Fail
    "pause": _pause,  # keep the weight until somebody goes on
    "resume": _resume,  # go on after a pause
    "abort": _abort,  # back to stable, and reject the candidate
    "retry": _retry,  # forget the rejection, so that the revision is tried again
    "rollback": roll_back,  # go to a revision that was recorded, and stay there
    "pin": pin,  # stay with stable or the candidate, whatever automation wants
    "unpin": unpin,  # follow spec or policy again
}
