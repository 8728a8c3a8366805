"""A policy that wants its champion left: the way back to what served before, and what is left is rejected.

The order names a model and a time. It is about what was promoted before it: who promotes that model again afterwards
(after `retry`) has decided otherwise.
"""

from __future__ import annotations

from modelwright.api.models import Model
from modelwright.api.policy import Reverted
from modelwright.api.rollout import Arm, InferenceServiceWorkload, Rejection
from modelwright.rollouts.plan.draft import Draft
from modelwright.rollouts.plan.history import REJECTED_KEPT


def is_reverted(draft: Draft, reverted: Reverted) -> bool:
    """Whether stable is what the policy wants left."""
    stable = draft.status.stable
    if stable is None or not _is(stable, reverted):
        return False
    promoted = [
        entry.at for entry in draft.status.history if (entry.result, entry.revision) == ("Promoted", stable.revision)
    ]
    return not promoted or max(promoted) <= reverted.at


def was_left(draft: Draft, reverted: Reverted) -> bool:
    """Whether it is rejected here: nobody has said `retry` since. Also where it never was promoted."""
    served = any((entry.version, entry.result) == (reverted.version, "Promoted") for entry in draft.status.history)
    return not served or any(
        (known.version, known.digest) == (reverted.version, reverted.digest) for known in draft.status.rejected
    )


def previous(draft: Draft, reverted: Reverted) -> Model | None:
    """What served before, None where its record is not kept."""
    if isinstance(draft.spec.workload, InferenceServiceWorkload):
        return _kept_by_kserve(draft, reverted)
    before = next(
        (entry for entry in draft.status.history if entry.result == "Promoted" and entry.version != reverted.version),
        None,
    )
    record = draft.seen.recorded.get(before.revision) if before else None
    return record.model if record else None


def _kept_by_kserve(draft: Draft, reverted: Reverted) -> Model | None:
    """By the records of what was stable: some of it was not promoted here, but found, or released past us."""
    others = (record for record in draft.seen.stables if record.model.version != reverted.version)
    newest = max(others, key=lambda record: record.number, default=None)
    return newest.model if newest else None


def cannot_leave(draft: Draft) -> str:
    """Why stable stays although the policy wants it left, as a sentence; "" where nothing is wrong."""
    source, approved = draft.spec.model_from, draft.seen.approved
    reverted = approved.reverted if approved and source and source.retrain_policy else None
    if reverted is None or draft.status.pin or not is_reverted(draft, reverted) or previous(draft, reverted):
        return ""
    return f"{reverted.version} is to be left ({reverted.message}), but no model that served before it is recorded"


def reject_reverted(draft: Draft, reverted: Reverted) -> None:
    """Stable is not to be tried again once it is left, until a person says so."""
    stable = draft.stable
    rejection = Rejection(stable.revision, stable.model.digest, draft.now, reverted.message, stable.model.version)
    others = [known for known in draft.status.rejected if known.revision != stable.revision]
    draft.change(rejected=(rejection, *others)[:REJECTED_KEPT])
    draft.tell("Reverting", f"{stable.model.version} is left: {reverted.message}", warn=True)


def _is(arm: Arm, reverted: Reverted) -> bool:
    return (arm.model.version, arm.model.digest) == (reverted.version, reverted.digest)
