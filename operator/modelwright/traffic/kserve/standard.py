"""Standard mode: an entry in `spec.canary` beside the predictor, which stays stable until it is retargeted. Pure.

Whether KServe divides the traffic is read from the HTTPRoute that it makes: `canaryStatuses` only repeats the spec, and
v0.20.0 has the field without weights in any route. TRAP: without `minReplicas` an entry at 0 percent has no pods, and
KServe takes the pods of an entry away from stable's, but for the last one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from modelwright.api.rollout import Backend
from modelwright.traffic.acceptance import acceptance
from modelwright.traffic.kserve.service import (
    SOURCE_ANNOTATION,
    Arms,
    Facts,
    Version,
    model_of,
    predictor_of,
    trouble,
    uri_of,
)
from modelwright.traffic.route import Obstacle

OURS = "mw-"
CONTAINER = "kserve-container"

Object = Mapping[str, Any]
Patch = list[dict[str, Any]]


@dataclass(frozen=True)
class Evidence:
    """What KServe made: its Deployments with the ready endpoints of their Services by name, and its HTTPRoutes."""

    deployments: tuple[Object, ...] = ()
    endpoints: Mapping[str, int] | None = None
    routes: tuple[Object, ...] = ()


def service_of(body: Object, name: str) -> str:
    """The name of Deployment and Service of one predictor."""
    middle = f"-{name}" if name else ""
    return f"{body['metadata']['name']}{middle}-predictor"


def stable_of(body: Object) -> str:
    return service_of(body, str(predictor_of(body).get("name", "")))


def routes_of(body: Object) -> tuple[str, ...]:
    """The names of HTTPRoutes that lead to its predictor: the one that all come by, then those of the predictor alone.

    That of the predictor had its name up to 0.20, and after a promotion another one; newer ones keep the first.
    """
    name = body["metadata"]["name"]
    return tuple(dict.fromkeys((name, f"{name}-predictor", stable_of(body))))


def leads_to(route: Object, service: str) -> bool:
    return any(service in _weights(rule) for rule in route.get("spec", {}).get("rules", []))


def facts(body: Object, arms: Arms, evidence: Evidence) -> Facts:
    versions = {version.backend.name: version for version in _versions(evidence, arms)}
    entries, model = _entries(body), uri_of(body)
    entry = entries.get(arms.name) if arms.name else None
    taken = bool(arms.candidate) and model == arms.candidate and predictor_of(body).get("name") == arms.name
    shares = sum(int(one.get("trafficPercent", 0)) for one in entries.values())
    asked = 100 if taken else (int(entry.get("trafficPercent", 0)) if entry else 0)
    stable, on_trial = stable_of(body), service_of(body, arms.name) if arms.name else ""
    return Facts(
        asked=asked if arms.candidate else shares,
        accepted=_accepted(evidence, on_trial, asked, stable=stable),
        placed=taken or entry is not None,
        taken=taken and not entries,
        tidy=not entries,
        can_tidy=bool(tidy(body)),
        # Whatever model it has by now, the rest of the traffic goes to it.
        stable=None if taken else versions.get(stable),
        candidate=_with(versions.get(on_trial), arms.candidate),
        serving=_with(versions.get(stable), model) if not shares else None,
        known=tuple(filter(None, [_with(versions.get(stable), model)])),
        model=model,
        passed_by=bool(arms.stable) and not arms.candidate and model != arms.stable,
        replicas=_replicas(predictor_of(body)),
        placed_replicas=_replicas(entry or {}),
        message=trouble(body),
        silence=(
            "no HTTPRoute of KServe's divides the traffic as `spec.canary` says: needed are a KServe of 0.21 or newer "
            "and `enableGatewayApi: true` in its ingress configuration"
        ),
        obstacle=_obstacle(body, entries, arms, taken=taken),
    )


def place(body: Object, uri: str, arms: Arms, replicas: int) -> Patch:
    """The candidate's entry without traffic, with pods of its own; or only its pods where it stands there already."""
    entries = list(body.get("spec", {}).get("canary") or ())
    names = [one.get("predictor", {}).get("name") for one in entries]
    if arms.name in names:
        place, found = names.index(arms.name), entries[names.index(arms.name)]
        if _replicas(found) == replicas:
            return []
        path = f"/spec/canary/{place}/predictor/minReplicas"
        return [*_guards(body), {"op": "add", "path": path, "value": replicas}]
    # What an earlier candidate left behind makes room, once it has no traffic.
    if any(not name.startswith(OURS) or one.get("trafficPercent") for name, one in _entries(body).items()):
        return []
    if predictor_of(body).get("name") == arms.name:
        return []
    # All that is not named here KServe takes from the stable predictor.
    found = model_of(body)
    # The definition asks for the name here, though not in the predictor; KServe takes the runtime's in both.
    name = found.get("name") or CONTAINER
    model = {"name": name, "modelFormat": found.get("modelFormat", {}), "storageUri": uri}
    entry = {"trafficPercent": 0, "predictor": {"name": arms.name, "minReplicas": replicas, "model": model}}
    return [*_guards(body), {"op": "add", "path": "/spec/canary", "value": [entry]}]


def weigh(body: Object, weight: int, arms: Arms, *, raises: bool) -> Patch:
    """Without a candidate every entry of ours gets `weight`."""
    operations: Patch = []
    for number, entry in enumerate(body.get("spec", {}).get("canary") or ()):
        name, live = entry.get("predictor", {}).get("name", ""), int(entry.get("trafficPercent", 0))
        if (name != arms.name and (arms.name or not name.startswith(OURS))) or live == weight:
            continue
        if raises or live > weight:
            path = f"/spec/canary/{number}/trafficPercent"
            operations.append({"op": "add", "path": path, "value": weight})
    return [*_guards(body), *operations] if operations else []


def tidy(body: Object) -> Patch:
    """What is left of a candidate goes, once it has no traffic."""
    entries = _entries(body)
    if not entries or any(not name.startswith(OURS) or one.get("trafficPercent") for name, one in entries.items()):
        return []
    return [*_guards(body), {"op": "remove", "path": "/spec/canary"}]


def take(body: Object, arms: Arms) -> Patch:
    """KServe's promotion: the predictor gets the candidate's name and model, and its pods go on as they are."""
    if arms.name not in _entries(body):
        return []
    return [
        *_guards(body),
        {"op": "add", "path": "/spec/predictor/name", "value": arms.name},
        {"op": "add", "path": "/spec/predictor/model/storageUri", "value": arms.candidate},
        {"op": "remove", "path": "/spec/canary"},
    ]


def _entries(body: Object) -> dict[str, Object]:
    return {str(one.get("predictor", {}).get("name", "")): one for one in body.get("spec", {}).get("canary") or ()}


def _replicas(predictor: Object) -> int:
    found = predictor.get("predictor", predictor)
    return int(found.get("minReplicas") or 1)


def _versions(evidence: Evidence, arms: Arms) -> Iterable[Version]:
    for body in evidence.deployments:
        name, template = str(body["metadata"]["name"]), body["spec"]["template"]
        uri = template.get("metadata", {}).get("annotations", {}).get(SOURCE_ANNOTATION, "")
        status, wanted = body.get("status", {}), int(body["spec"].get("replicas", 1))
        rolled = status.get("observedGeneration", 0) >= body["metadata"]["generation"]
        rolled = rolled and int(status.get("updatedReplicas", 0)) >= wanted
        ready = (evidence.endpoints or {}).get(name, 0)
        # While it is rolled out, some of what is ready may still be what was there before.
        is_new = bool(arms.name) and name.endswith(f"-{arms.name}-predictor") and not arms.recorded
        yield Version(Backend(name), uri, ready if rolled or not is_new else 0)


def _with(version: Version | None, uri: str) -> Version | None:
    return version if version and version.uri == uri else None


def _accepted(evidence: Evidence, on_trial: str, asked: int, *, stable: str) -> bool | None:
    """By the routes that KServe made: in every rule that leads to a predictor, the candidate has what is asked."""
    found = False
    for route in evidence.routes:
        for rule in route.get("spec", {}).get("rules", []):
            weights = _weights(rule)
            total = sum(weights.values())
            if not total or not {stable, on_trial} & set(weights):
                continue
            found = True
            # Once it is retargeted the candidate is what the predictor is called.
            if asked < 100 and weights.get(stable, 0) * 100 != (100 - asked) * total:
                return None
            if weights.get(on_trial, 0) * 100 != asked * total:
                return None
        if not (answer := acceptance(route)).accepted:
            return answer.accepted
    return True if found else None


def _weights(rule: Object) -> dict[str, int]:
    refs: Sequence[Object] = rule.get("backendRefs", [])
    return {str(ref.get("name", "")): int(ref.get("weight", 1)) for ref in refs}


def _obstacle(body: Object, entries: Mapping[str, Object], arms: Arms, *, taken: bool) -> Obstacle | None:
    name = f"InferenceService '{body['metadata']['name']}'"
    if theirs := [entry for entry in entries if not entry.startswith(OURS)]:
        needed = "remove it, or promote it: a rollout needs to know what the rest of the traffic goes to"
        return Obstacle("RouteNotAtRest", f"{name} has a canary of its own, '{theirs[0]}': {needed}")
    if arms.candidate and not taken and uri_of(body) != arms.stable:
        found = f"{name} was given the model '{uri_of(body)}' while a rollout is under way"
        return Obstacle("RouteNotAtRest", f"{found}: put '{arms.stable}' back, or abort the rollout")
    if body.get("spec", {}).get("transformer"):
        needed = "KServe divides traffic in front of it, not behind. Needed is a predictor alone, or Knative mode"
        return Obstacle("UnsupportedKServe", f"{name} has a transformer: {needed}")
    return None


def _guards(body: Object) -> Patch:
    return [{"op": "test", "path": "/metadata/resourceVersion", "value": body["metadata"]["resourceVersion"]}]
