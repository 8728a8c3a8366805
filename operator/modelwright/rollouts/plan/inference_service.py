"""The pods of a KServe InferenceService: KServe makes them, and we write which models it shall run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from modelwright.api.models import Model
from modelwright.api.rollout import Arm, Backend
from modelwright.rollouts.actions import ForgetRevision, PlaceModel, RecordStable, TakeModel, TidyModel
from modelwright.rollouts.manifests import stable_record_id
from modelwright.rollouts.observation import InferenceServiceSeen, StableRecord
from modelwright.rollouts.plan.borrowing import is_secured
from modelwright.rollouts.plan.desired import desired
from modelwright.rollouts.plan.draft import Draft, Mood
from modelwright.rollouts.plan.obstacles import route_obstacle, shared_server
from modelwright.rollouts.plan.passed_by import model_for
from modelwright.rollouts.revision import revision_for
from modelwright.traffic.kserve.service import Version
from modelwright.traffic.route import Split


def find_stable(draft: Draft) -> bool:
    """By its record, if that model still runs; else by what all traffic goes to."""
    service = draft.seen.inference_service
    if draft.status.stable:
        _follow_backend(draft)
        return True
    if obstacle := shared_server(draft):
        draft.say(Mood.STALLED, "UnsupportedSharedServer", obstacle)
    elif found := _known(draft, service):
        _found(draft, *found)
    elif seen := route_obstacle(draft):
        draft.say(Mood.STALLED, seen.reason, seen.message)
    else:
        problem = f": {service.facts.message}" if service and service.facts.message else ""
        draft.say(Mood.MOVING, "WaitingForPods", f"KServe has not brought the InferenceService to serve yet{problem}")
    return False


def may_begin(draft: Draft) -> bool:
    """KServe tells models apart by their uri alone."""
    want = desired(draft)
    if want and want.model.uri == draft.stable.model.uri:
        says = f"{want.model.version} has the uri of {draft.stable.model.version}, which serves"
        draft.say(Mood.STALLED, "InvalidSpec", f"{says}: KServe would see no change. Give each version its own uri")
        return False
    return True


def backend_on_trial(draft: Draft) -> None:
    """KServe says it, once it has made it."""


def kept(draft: Draft) -> Mapping[str, Model]:
    """What one can go back to by its revision, the newest first: KServe needs but the uri to serve it again."""
    return {revision_for(draft.spec.workload, record.model): record.model for record in _newest_first(draft)}


def ensure_running(draft: Draft, revision: str, model: Model, replicas: int) -> bool:
    """Nothing is placed while somebody is awaited, nor before the way back is secured."""
    service, route = draft.seen.inference_service, draft.seen.route
    if service is None or route is None:
        return True
    facts, candidate = service.facts, draft.candidate
    if facts.candidate and facts.candidate.backend != candidate.backend:
        draft.change(candidate=replace(candidate, backend=facts.candidate.backend))
    if facts.taken or (facts.placed and (not service.counts_pods or facts.placed_replicas == replicas)):
        return True
    if not facts.placed and facts.can_tidy and (draft.status.paused or not route.accepted):
        # Somebody divides the traffic between what is stable and who knows what else.
        draft.do(TidyModel())
    waits = draft.status.paused or route.obstacle or shared_server(draft) or not draft.seen.may_raise
    settled = facts.placed or (route.accepted and route.split == Split())
    if not waits and settled and is_secured(draft):
        draft.do(PlaceModel(revision, model, replicas))
    return True


def ensure_stable(draft: Draft) -> None:
    """Keep a record of who is stable: after a lost status a split says nothing about who is new."""
    newest, stable = draft.seen.newest_stable, draft.stable
    if stable.backend is None or (newest and (newest.model, newest.backend) == (stable.model, stable.backend)):
        return
    draft.do(RecordStable(newest.number + 1 if newest else 1, stable.model, stable.backend))
    others = [record for record in _newest_first(draft) if record.model != stable.model]
    for record in draft.seen.stables:
        if record not in others[: draft.spec.revision_history_limit]:
            draft.do(ForgetRevision(stable_record_id(record.number)))


def point(draft: Draft, role: str, revision: str) -> None:
    """KServe's Services lead where KServe has them lead."""


def hand_over(draft: Draft) -> bool:
    """It has all traffic. What was a canary becomes what the InferenceService is."""
    service, route = draft.seen.inference_service, draft.seen.route
    if service is None or route is None:
        return False
    if not service.facts.taken:
        draft.do(TakeModel())
        return False
    return bool(route.accepted)


def retire_others(draft: Draft) -> None:
    """Tidy up after a candidate that went: its pods go `scaleDownDelay` after the rollout settled."""
    service, route, status = draft.seen.inference_service, draft.seen.route, draft.status
    if status.candidate or not service or not service.facts.can_tidy or not route or draft.writes_route:
        return
    settled_at = status.history[0].at if status.history else draft.now
    left = settled_at + draft.spec.promotion.scale_down_delay - draft.now
    # Where the predictor holds the candidate's model, one field that is taken away would give it all traffic.
    if service.counts_pods and left > timedelta(0):
        draft.look_again(left)
    else:
        draft.do(TidyModel())


def _newest_first(draft: Draft) -> list[StableRecord]:
    return sorted(draft.seen.stables, key=lambda record: -record.number)


def _follow_backend(draft: Draft) -> None:
    """After a tidying, or when Git was put back, Knative serves the same model by another revision.

    While the candidate has traffic the evidence is about the one that there was.
    """
    service, stable = draft.seen.inference_service, draft.stable
    found = service.facts.stable if service else None
    if draft.given == Split() and found and found.uri == stable.model.uri and found.backend != stable.backend:
        draft.change(stable=replace(stable, backend=found.backend))


def _known(draft: Draft, service: InferenceServiceSeen | None) -> tuple[Backend, Model, str] | None:
    if service is None:
        return None
    newest = draft.seen.newest_stable
    kept: Version | None = next((one for one in service.facts.known if newest and one.uri == newest.model.uri), None)
    if newest and kept:
        return kept.backend, newest.model, "a record of it was kept"
    if serving := service.facts.serving:
        return serving.backend, model_for(draft, serving), "it has all traffic"
    return None


def _found(draft: Draft, backend: Backend, model: Model, why: str) -> None:
    """The pass ends here: what was read is not yet told by who is stable."""
    draft.change(stable=Arm(revision_for(draft.spec.workload, model), model, 100, backend=backend))
    draft.tell("StableRecovered", f"{backend} is stable, as {model.version}: {why}")
    draft.say(Mood.MOVING, "Progressing", f"{backend} is stable")
    draft.look_again(timedelta(0))
