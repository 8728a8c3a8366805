"""A person's hold on one revision: `pin` and `rollback` set it, `unpin` ends it. It outranks spec and policy."""

from __future__ import annotations

from modelwright.api.models import Model
from modelwright.api.steering import PIN, ROLLBACK, Pin
from modelwright.rollouts.plan.draft import Draft
from modelwright.rollouts.plan.refusing import Refused
from modelwright.rollouts.plan.running import kept

OFFERED = 5
"""How many revisions a refusal names that one could go back to."""


def pin(draft: Draft, revision: str, actor: str) -> Refused | None:
    """Stay with stable, or with the candidate once it is promoted."""
    arms = [arm for arm in (draft.status.stable, draft.status.candidate) if arm]
    arm = next((arm for arm in arms if arm.revision == revision), None)
    if arm is None or draft.status.stable is None:
        return Refused(f"revision '{revision[:20]}' is neither stable nor the candidate: `rollback` goes to others")
    _set(draft, PIN, revision, arm.model, actor)
    return None


def roll_back(draft: Draft, revision: str, actor: str) -> Refused | None:
    """Go to a revision whose record is kept, and stay there."""
    status, models = draft.status, kept(draft)
    if status.stable is None:
        return Refused("no revision serves yet")
    if revision == status.stable.revision:
        if status.candidate is None:
            return Refused("it serves already: `pin` keeps it")
        _set(draft, ROLLBACK, revision, status.stable.model, actor)
        return None
    if status.candidate and revision == status.candidate.revision:
        return Refused("it is the candidate: `pin` keeps it once it is promoted")
    if any(known.revision == revision for known in status.rejected):
        return Refused("it was rejected: `retry` it first")
    if revision not in models:
        offered = list(models.items())[:OFFERED]
        said = ", ".join(f"{known} ({model.version})" for known, model in offered) or "none"
        return Refused(f"no ControllerRevision '{revision[:20]}' is kept; there are {said}")
    if status.stage is None:
        # Somebody was awaited for another revision, and this is somebody's word.
        draft.change(paused="", paused_message="")
    _set(draft, ROLLBACK, revision, models[revision], actor)
    return None


def unpin(draft: Draft, revision: str, actor: str) -> Refused | None:
    """Follow spec or policy again."""
    if draft.status.pin is None:
        return Refused("it is not pinned")
    if draft.status.pin.revision != revision:
        return Refused(f"it names revision '{revision[:20]}', but {draft.status.pin.revision} is pinned")
    draft.change(pin=None)
    return None


def goes_back(draft: Draft, revision: str) -> bool:
    """Whether `revision` is where a person wants to go back to. Nothing but its own faults may be in the way."""
    held = draft.status.pin
    return held is not None and held.verb == ROLLBACK and held.revision == revision


def within_window(draft: Draft, revision: str) -> bool:
    """Whether `revision` was stable so lately that going back to it takes no steps (`promotion.rollbackWindow`)."""
    window = draft.spec.promotion.rollback_window
    if draft.stable.backend:
        # Of existing workloads only what served just before is kept, whoever had brought it live.
        return window > 0 and revision in kept(draft)
    promoted = dict.fromkeys(entry.revision for entry in draft.status.history if entry.result == "Promoted")
    before = [known for known in promoted if known != draft.stable.revision]
    return revision in before[:window]


def _set(draft: Draft, verb: str, revision: str, model: Model, actor: str) -> None:
    draft.change(pin=Pin(revision, model, verb, draft.now, actor))
