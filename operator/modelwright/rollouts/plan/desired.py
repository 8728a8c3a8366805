"""Which model shall be live, and which one is: the order of truth."""

from __future__ import annotations

from dataclasses import dataclass

from modelwright.api.models import Model
from modelwright.api.rollout import Arm, Stage, WhenNewer
from modelwright.rollouts.observation import Observation
from modelwright.rollouts.plan.draft import Draft
from modelwright.rollouts.plan.following import followed, is_being_asked
from modelwright.rollouts.revision import revision_of


@dataclass(frozen=True)
class Desired:
    """The revision that a person, spec or policy asks for. `held`: by a person's pin, which outranks the others."""

    revision: str
    model: Model
    retrain_run: str = ""
    judged_against: str = ""
    held: bool = False


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
        return _desired(seen, approved.model, approved.retrain_run, approved.judged_against)
    if spec.baseline and draft.status.stable is None and not is_being_asked(draft):
        return _desired(seen, spec.baseline)
    return None


def _desired(seen: Observation, model: Model, retrain_run: str = "", judged_against: str = "") -> Desired:
    workload = seen.rollout.spec.workload
    return Desired(revision_of(model, workload.template, workload.port), model, retrain_run, judged_against)


def recover_stable(draft: Draft) -> None:
    """After a lost status, stable is what the stable Service selects; its Deployment says which model that is.

    Weight that the route then gives to a candidate that nobody remembers is too high, and lowered like any other.
    """
    service = draft.seen.stable_service
    if draft.status.stable or draft.status.stage or not service or not service.revision:
        return
    known = draft.seen.deployments.get(service.revision) or draft.seen.recorded.get(service.revision)
    # A Service that we pointed at a first version which never became ready is no proof that it ever served.
    if known and draft.seen.route:
        draft.change(stable=Arm(service.revision, known.model, 100))
        draft.tell("StableRecovered", f"status was empty; the stable Service selects {known.model.version}", warn=True)


def newer_waits(draft: Draft, want: Desired) -> bool:
    """Whether a newer model has to wait for the rollout under way.

    From 100 % on every newer model waits. Before, it waits only with FinishCurrent, and only where nothing but the
    policy's approved model changed: an edited pod template or `spec.model` is a person's word and supersedes. A pin
    does so in the bake time too: it is how a person goes back.
    """
    if want.held:
        return False
    if draft.status.stage in (Stage.BAKING, Stage.PROMOTING):
        return True
    source, workload, candidate = draft.spec.model_from, draft.spec.workload, draft.candidate
    if not source or source.when_newer is not WhenNewer.FINISH_CURRENT:
        return False
    if want.revision == draft.stable.revision:
        return False
    return candidate.revision == revision_of(candidate.model, workload.template, workload.port)
