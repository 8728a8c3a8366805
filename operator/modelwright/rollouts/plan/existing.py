"""The pods of existing workloads: nothing is made, moved or scaled. We know who is stable, and own but the weights."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from modelwright.api.models import Model
from modelwright.api.rollout import Arm, Backend, ExistingWorkload
from modelwright.api.steering import ROLLBACK
from modelwright.rollouts.actions import ForgetRevision, RecordStable
from modelwright.rollouts.manifests import stable_record_id
from modelwright.rollouts.observation import StableRecord
from modelwright.rollouts.plan.behind import is_behind, patch
from modelwright.rollouts.plan.draft import Draft, Mood
from modelwright.rollouts.plan.obstacles import route_obstacle
from modelwright.rollouts.revision import revision_for


def find_stable(draft: Draft) -> bool:
    """By its record, which a promotion leaves; else by the weights of the route, all on one side.

    Weight that the route then gives to the other is too high, and lowered like any other.
    """
    if draft.status.stable:
        return True
    workload, newest = _workload(draft), draft.seen.newest_stable
    if newest and workload.named(newest.backend):
        _found(draft, newest.backend, newest.model, "a record of it was kept")
    elif obstacle := route_obstacle(draft):
        draft.say(Mood.STALLED, obstacle.reason, obstacle.message)
    elif draft.seen.route and draft.seen.route.split.weight == 100 and draft.spec.model:
        _found(draft, workload.candidate.backend, draft.spec.model, "the route gives it all traffic")
    else:
        backend = workload.stable.backend
        unknown = Model(backend.name, "")
        _found(draft, backend, draft.spec.baseline or unknown, "the route gives it all traffic")
    return False


def may_begin(draft: Draft) -> bool:
    """A version is on trial only beside one that the spec calls stable: else nobody knows where the new one is."""
    workload, stable = _workload(draft), draft.stable
    if stable.backend == workload.stable.backend or _goes_back(draft):
        return True
    if is_behind(draft.spec, draft.status):
        message = f"nothing new begins before Git follows {stable.model.version}: {patch(draft.spec, draft.status)}"
        draft.say(Mood.WAITING_FOR_A_PERSON, "GitBehind", message)
    else:
        message = f"{stable.backend} serves all traffic as {stable.model.version}, but the spec names it no more"
        draft.say(Mood.STALLED, "StableNotNamed", f"{message}: name it in `workload.existing.stable`")
    return False


def backend_on_trial(draft: Draft) -> Backend:
    workload = _workload(draft)
    return workload.stable.backend if _goes_back(draft) else workload.candidate.backend


def kept(draft: Draft) -> Mapping[str, Model]:
    """What one can go back to by its revision: while the spec still calls stable what served before, that."""
    if not is_behind(draft.spec, draft.status):
        return {}
    workload = _workload(draft)
    before = _newest_of(draft, workload.stable.backend)
    return {revision_for(workload, before.model): before.model} if before else {}


def ensure_running(draft: Draft, revision: str, model: Model, replicas: int) -> bool:
    return True


def ensure_stable(draft: Draft) -> None:
    """Keep a record of who is stable: with a lost status nothing else says which model its pods serve."""
    newest, stable = draft.seen.newest_stable, draft.stable
    if stable.backend is None or (newest and (newest.model, newest.backend) == (stable.model, stable.backend)):
        return
    draft.do(RecordStable(newest.number + 1 if newest else 1, stable.model, stable.backend))
    for record in draft.seen.stables:
        # Of the other backend one is kept: the way back leads there.
        if record.backend == stable.backend or record is not _newest_of(draft, record.backend):
            draft.do(ForgetRevision(stable_record_id(record.number)))


def point(draft: Draft, role: str, revision: str) -> None:
    """Each backend leads to its own version for good."""


def hand_over(draft: Draft) -> bool:
    """It has all traffic, and keeps it."""
    return True


def retire_others(draft: Draft) -> None:
    """They are somebody else's."""


def _goes_back(draft: Draft) -> bool:
    """Whether a person wants what served before, where the spec says that it still is."""
    held = draft.status.pin
    return held is not None and held.verb == ROLLBACK and held.revision in kept(draft)


def _newest_of(draft: Draft, backend: Backend) -> StableRecord | None:
    found = (record for record in draft.seen.stables if record.backend == backend)
    return max(found, key=lambda record: record.number, default=None)


def _found(draft: Draft, backend: Backend, model: Model, why: str) -> None:
    """The pass ends here: what was read of the route is not yet told by who is stable."""
    draft.change(stable=Arm(revision_for(draft.spec.workload, model), model, 100, backend=backend))
    draft.tell("StableRecovered", f"{backend} is stable, as {model.version}: {why}")
    draft.say(Mood.MOVING, "Progressing", f"{backend} is stable")
    draft.look_again(timedelta(0))


def _workload(draft: Draft) -> ExistingWorkload:
    assert isinstance(draft.spec.workload, ExistingWorkload), "these pods are ours to keep"
    return draft.spec.workload
