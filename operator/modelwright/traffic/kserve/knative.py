"""Knative mode: `canaryTrafficPercent` of the predictor, beside the revision that was rolled out last. Pure.

The predictor is the newer version: its model is changed together with the percent 0, and KServe keeps the rest on the
revision that had all traffic before. TRAP: without the percent all traffic goes to the newest revision that is ready,
which after a change back is the one that shall go. So it is taken away only once the right one is ready.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from modelwright.api.rollout import Backend, BackendKind
from modelwright.traffic.kserve.service import (
    SOURCE_ANNOTATION,
    Arms,
    Facts,
    Version,
    condition,
    predictor_of,
    trouble,
    uri_of,
)

PERCENT = "canaryTrafficPercent"
PERCENT_PATH = f"/spec/predictor/{PERCENT}"
URI_PATH = "/spec/predictor/model/storageUri"

ROLES = ("latestCreatedRevision", "latestReadyRevision", "latestRolledoutRevision", "previousRolledoutRevision")

Object = Mapping[str, Any]
Patch = list[dict[str, Any]]


def component_of(body: Object) -> Object:
    found: Object = body.get("status", {}).get("components", {}).get("predictor", {})
    return found


def revisions_of(body: Object) -> tuple[str, ...]:
    """The names of all revisions that it speaks of: those to read."""
    component = component_of(body)
    named = [component.get(role, "") for role in ROLES]
    return tuple(dict.fromkeys(name for name in (*named, *_shares(body)) if name))


def version_of(revision: Object) -> Version:
    """A Knative Revision. It is ready though it has no pods: they come with the first request."""
    ready = condition(revision, "Ready").get("status") == "True"
    name, annotations = str(revision["metadata"]["name"]), revision["metadata"].get("annotations", {})
    return Version(Backend(name, BackendKind.REVISION), annotations.get(SOURCE_ANNOTATION, ""), int(ready))


def facts(body: Object, arms: Arms, revisions: Sequence[Object], *, is_ours: bool) -> Facts:
    """`is_ours`: the model that it asks for was written by us, and by nobody since."""
    versions = {version.backend.name: version for version in map(version_of, revisions)}
    component, shares, model = component_of(body), _shares(body), uri_of(body)
    percent = predictor_of(body).get(PERCENT)
    created = versions.get(component.get("latestCreatedRevision", ""))
    is_newest_ready = component.get("latestReadyRevision") == component.get("latestCreatedRevision")
    placed = bool(arms.candidate) and model == arms.candidate
    given = 100 if percent is None else int(percent)
    asked = given if model != (arms.stable or model) and (placed or not arms.candidate) else 0
    # What we left behind has a percent, and is ours. All else that is not stable was released past us.
    strange = bool(arms.stable) and not arms.candidate and model != arms.stable
    passed_by = strange and (percent is None or not is_ours)
    whole = next((versions.get(name) for name, share in shares.items() if share == 100), None)
    on_trial = created if placed and created and created.uri == arms.candidate else None
    return Facts(
        asked=0 if passed_by else asked,
        accepted=True if passed_by else _accepted(body, arms, versions, asked),
        placed=placed,
        taken=placed and percent is None,
        tidy=passed_by or (model == arms.stable and percent is None),
        can_tidy=not passed_by and bool(tidy(body, arms, revisions)),
        stable=_of_model(arms.stable, versions, shares, component),
        candidate=on_trial if on_trial is None or is_newest_ready else Version(on_trial.backend, on_trial.uri, 0),
        serving=whole,
        known=tuple(versions.values()),
        model=model,
        passed_by=passed_by,
        message=trouble(body),
        silence=(
            f"KServe has not divided the traffic as `{PERCENT}` says: look at the conditions of the InferenceService "
            "and whether KServe's controller runs"
        ),
    )


def place(body: Object, uri: str, stable: str, revisions: Sequence[Object]) -> Patch:
    """The candidate's model, without traffic. Both in one patch: the new revision alone would get all of it.

    TRAP: the rest goes to what KServe remembers as rolled out last, so that has to be `stable`'s uri.
    """
    rolled = component_of(body).get("latestRolledoutRevision", "")
    uris = {version.backend.name: version.uri for version in map(version_of, revisions)}
    if uri_of(body) == uri or uris.get(rolled) != stable:
        return []
    return [*_guards(body), _set(URI_PATH, uri), _set(PERCENT_PATH, 0)]


def weigh(body: Object, weight: int, arms: Arms, *, raises: bool) -> Patch:
    model, percent = uri_of(body), predictor_of(body).get(PERCENT)
    live = 100 if percent is None else int(percent)
    if model == arms.stable or live == weight or (not raises and live <= weight):
        return []
    return [*_guards(body), _set(PERCENT_PATH, weight)]


def tidy(body: Object, arms: Arms, revisions: Sequence[Object]) -> Patch:
    """One step back to stable's model and no percent: the model first, and the percent when a revision has it."""
    versions = {version.backend.name: version for version in map(version_of, revisions)}
    model, percent, component = uri_of(body), predictor_of(body).get(PERCENT), component_of(body)
    if percent is None or not arms.stable:
        return []
    if model != arms.stable:
        settled = _accepted(body, Arms(arms.stable, "", "", 0), versions, 0)
        return [*_guards(body), _set(URI_PATH, arms.stable)] if int(percent) == 0 and settled else []
    newest = versions.get(component.get("latestReadyRevision", ""))
    is_newest = component.get("latestCreatedRevision") == component.get("latestReadyRevision")
    if newest and is_newest and newest.uri == arms.stable:
        return [*_guards(body), {"op": "remove", "path": PERCENT_PATH}]
    return []


def take(body: Object, arms: Arms) -> Patch:
    """The candidate has all traffic and keeps it: nothing but its model is left of the rollout."""
    if uri_of(body) != arms.candidate or predictor_of(body).get(PERCENT) is None:
        return []
    return [*_guards(body), {"op": "remove", "path": PERCENT_PATH}]


def _accepted(body: Object, arms: Arms, versions: Mapping[str, Version], asked: int) -> bool | None:
    """Whether what Knative does is what is asked for, by the models of the revisions that have traffic."""
    shares = {name: share for name, share in _shares(body).items() if share}
    if sum(shares.values()) != 100:
        return None
    theirs = sum(share for name, share in shares.items() if name in versions and versions[name].uri == arms.stable)
    known = all(name in versions for name in shares)
    if known and (theirs == 100 - asked if arms.stable else len(shares) == 1):
        return True
    return False if condition(body, "PredictorRouteReady").get("status") == "False" else None


def _of_model(
    uri: str, versions: Mapping[str, Version], shares: Mapping[str, int], component: Object
) -> Version | None:
    """The revision with stable's model: the one with traffic, else the one that KServe would go back to."""
    named = (*sorted(shares, key=lambda name: -shares[name]), component.get(ROLES[2], ""), *versions)
    return next((versions[name] for name in named if name in versions and versions[name].uri == uri), None)


def _shares(body: Object) -> dict[str, int]:
    shares: dict[str, int] = {}
    traffic: Sequence[Object] = component_of(body).get("traffic", [])
    for target in traffic:
        name = target.get("revisionName", "")
        shares[name] = shares.get(name, 0) + int(target.get("percent") or 0)
    return shares


def _guards(body: Object) -> Patch:
    version = body["metadata"]["resourceVersion"]
    return [
        {"op": "test", "path": "/metadata/resourceVersion", "value": version},
        {"op": "test", "path": URI_PATH, "value": uri_of(body)},
    ]


def _set(path: str, value: object) -> dict[str, Any]:
    return {"op": "add", "path": path, "value": value}
