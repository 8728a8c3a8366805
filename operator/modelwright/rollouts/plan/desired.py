"""Which model shall be live."""

from __future__ import annotations

from dataclasses import dataclass, replace

from modelwright.api.following import WhenNewer
from modelwright.api.models import Model
from modelwright.api.policy import Reverted
from modelwright.api.rollout import Stage
from modelwright.rollouts.observation import Observation
from modelwright.rollouts.plan.draft import Draft
from modelwright.rollouts.plan.following import followed, is_being_asked
from modelwright.rollouts.plan.reverting import is_reverted, previous, was_left
from modelwright.rollouts.revision import revision_for


@dataclass(frozen=True)
class Desired:
    """The revision that a person, spec or policy asks for. `held`: by a person's pin, which outranks the others.
    `reverted`: stable has to be left for it."""

    revision: str
    model: Model
    retrain_run: str = ""
    judged_against: str = ""
    held: bool = False
    reverted: Reverted | None = None


def desired(draft: Draft) -> Desired | None:
    """The pin, else what `unpinned` says."""
    pin = draft.status.pin
    return Desired(pin.revision, pin.model, held=True) if pin else unpinned(draft)


def unpinned(draft: Draft) -> Desired | None:
    """`spec.model`, else what `modelFrom` names, else — only on a cold cluster — the baseline, else nothing."""
    seen, spec = draft.seen, draft.spec
    if spec.model:
        return _desired(seen, spec.model)
    if approved := followed(draft):
        if approved.reverted and draft.status.stable and (instead := _instead(draft, approved.reverted)):
            return instead
        return _desired(seen, approved.model, approved.retrain_run, approved.judged_against)
    if spec.baseline and draft.status.stable is None and not is_being_asked(draft):
        return _desired(seen, spec.baseline)
    return None


def _instead(draft: Draft, reverted: Reverted) -> Desired | None:
    """What serves in the place of the approved model while the policy wants that left; None where it counts again."""
    stays = _desired(draft.seen, draft.stable.model, draft.stable.retrain_run)
    if is_reverted(draft, reverted):
        # With the pod template of today: it is the model that turned out worse.
        before = previous(draft, reverted)
        return replace(_desired(draft.seen, before), reverted=reverted) if before else stays
    return stays if was_left(draft, reverted) else None


def _desired(seen: Observation, model: Model, retrain_run: str = "", judged_against: str = "") -> Desired:
    return Desired(revision_for(seen.rollout.spec.workload, model), model, retrain_run, judged_against)


def newer_waits(draft: Draft, want: Desired) -> bool:
    """Whether a newer model has to wait for the rollout under way.

    From 100 % on every newer model waits, and in the holdback too: who does not wait for its end ends it. Only the way
    back to stable is at once. Before, it waits only with FinishCurrent, and only where nothing but the
    policy's approved model changed: an edited pod template or `spec.model` is a person's word and supersedes. A pin
    does so in the bake time too: it is how a person goes back.
    """
    if want.held:
        return False
    if draft.status.stage in (Stage.BAKING, Stage.PROMOTING):
        return True
    if want.revision == draft.stable.revision:
        return False
    return draft.holds_back or _finishes_current(draft)


def ends_holdback(draft: Draft, want: Desired) -> bool:
    """Whether the holdback is over because `want` is to begin: nobody is sent back to the old model for that."""
    is_newer = not want.held and want.revision not in (draft.candidate.revision, draft.stable.revision)
    return draft.holds_back and is_newer and not _finishes_current(draft)


def _finishes_current(draft: Draft) -> bool:
    source, candidate = draft.spec.model_from, draft.candidate
    if not source or source.when_newer is not WhenNewer.FINISH_CURRENT:
        return False
    return candidate.revision == revision_for(draft.spec.workload, candidate.model)
