"""Fires when a named object is another one than before: a ConfigMap, a model in a registry, a marker in a store.

A trigger that is new counts from its first look: what was there before is no news. `handled` is what was there at the
newest run that it started, or at the first look.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from modelwright.api.policy import TriggerStatus
from modelwright.api.run import Evidence
from modelwright.api.triggers import Data, MlflowModel, Objects
from modelwright.errors import InvalidSpec
from modelwright.kubeflow.places import is_below
from modelwright.kubeflow.questions import Failure, MarkerFound, NewestMarker, Trouble
from modelwright.registries.configuration import registry_for
from modelwright.registries.questions import AliasQuestion, NewestQuestion, NoVersion, RegisteredVersion
from modelwright.retraining.plan.pipelines import server_for
from modelwright.retraining.plan.triggers.seen import ERROR, FIRING, NO_DATA, QUIET, TriggerSeen, View

LOOK_AGAIN = timedelta(seconds=30)
DIGEST_LENGTH = 16
MAX_SHOWN = 200


@dataclass(frozen=True)
class Found:
    """What is there now: `token` tells it from others, "" while nobody knows (`reason`, `message`); `asked` says who
    does, None where it was read in this pass."""

    bound: str
    token: str = ""
    shown: str = ""
    verdict: str = NO_DATA
    reason: str = ""
    message: str = ""
    asked: Any = None


def look_at(view: View, name: str, data: Data, path: str) -> TriggerSeen:
    """InvalidSpec for what the platform does not allow, or what would trigger itself."""
    if data.mlflow:
        found = _registered(view, data.mlflow, f"{path}.data.mlflow")
    elif data.objects:
        found = _stored(view, data.objects, f"{path}.data.objects")
    else:
        found = _config_map(view, data)
    wake_at = None if found.asked else view.now + LOOK_AGAIN
    bound, token, before = found.bound, found.token, view.before(name)
    started = _started_for(view, name, bound)
    handled = (before.handled if before and before.bound == bound else "") or started
    if not token:
        if not found.reason and before and before.bound == bound:
            return TriggerSeen(before, found.asked, wake_at=wake_at)
        reason, message = found.reason or "NotLookedYet", found.message or "not looked at yet"
        status = TriggerStatus(name, found.verdict, reason, message, bound=bound, handled=handled)
        return TriggerSeen(status, found.asked, wake_at=wake_at)
    # A run may have been created by a pass whose status was never saved.
    if not handled or token in (handled, started):
        status = TriggerStatus(name, QUIET, "Unchanged", f"as it was: {found.shown}", token, bound, handled=token)
        return TriggerSeen(status, found.asked, wake_at=wake_at)
    if view.passes_over:
        message = f"it changed to {found.shown} while a run was unfinished"
        status = TriggerStatus(name, QUIET, "Skipped", message, token, bound, handled=token)
        return TriggerSeen(status, found.asked, wake_at=wake_at)
    status = TriggerStatus(name, FIRING, "Changed", f"changed to {found.shown}", token, bound, handled=handled)
    evidence = Evidence(name, view.now.replace(microsecond=0), bound, token, bound, occasion=token)
    return TriggerSeen(status, found.asked, evidence=evidence, wake_at=wake_at)


def _started_for(view: View, name: str, bound: str) -> str:
    """What the newest run that the trigger started was started for."""
    for run in sorted(view.runs, key=lambda run: -run.spec.number):
        for each in run.spec.evidence:
            if (each.trigger, each.bound) == (name, bound):
                return each.occasion
    return ""


def _config_map(view: View, data: Data) -> Found:
    """Not watched: it is read again in every pass, and at least each half minute."""
    bound = f"ConfigMap {data.config_map}, key {data.key}"
    text = view.config_maps.get((data.config_map, data.key))
    if text is None:
        message = f"there is no {bound} in namespace {view.policy.namespace}"
        return Found(bound, reason="ObjectMissing", message=message)
    token = hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]
    return Found(bound, token, token)


def _registered(view: View, wanted: MlflowModel, path: str) -> Found:
    publish = view.policy.spec.publish
    registry = registry_for(view.policy.namespace, wanted.registry, view.registries, f"{path}.registry")
    same = publish is not None and (publish.registry, publish.model or view.policy.name) == (
        wanted.registry,
        wanted.model,
    )
    if publish and same and wanted.alias in ("", publish.alias):
        raise InvalidSpec(path, "must not be what `publish` sets: each model would start the next run")
    about = f"{wanted.model}@{wanted.alias}" if wanted.alias else f"newest version of {wanted.model}"
    question: AliasQuestion | NewestQuestion = NewestQuestion(registry.name, wanted.model, registry.interval)
    if wanted.alias:
        question = AliasQuestion(registry.name, wanted.model, wanted.alias, registry.interval)
    answer = view.answers.get(question)
    bound = f"MLflow {about}"[:MAX_SHOWN]
    match answer.value if answer else None:
        case RegisteredVersion(version=version):
            return Found(bound, version, f"version {version}", asked=question)
        case NoVersion(reason=reason, message=message):
            verdict = NO_DATA if reason == "NoRegisteredModel" else ERROR
            return Found(bound, verdict=verdict, reason=reason, message=message, asked=question)
        case None:
            return Found(bound, asked=question)
        case other:
            return _failed(bound, question, other)


def _stored(view: View, wanted: Objects, path: str) -> Found:
    server = server_for(view.policy.namespace, view.policy.spec.pipeline.server, view.servers)
    if not is_below(wanted.prefix, server.data_roots):
        shown = ", ".join(server.data_roots) or "none"
        message = f"{wanted.prefix!r} is not allowed on pipeline server {server.name!r}; the platform allows: {shown}"
        raise InvalidSpec(f"{path}.prefix", message)
    bound = f"newest {wanted.marker} below {wanted.prefix}"
    question = NewestMarker(server.name, wanted.prefix, wanted.marker)
    answer = view.answers.get(question)
    match answer.value if answer else None:
        case MarkerFound(path=where, token=token):
            return Found(bound, token, f"{where[:MAX_SHOWN]} ({token})", asked=question)
        case Failure(trouble=Trouble.NOT_FOUND, message=message):
            return Found(bound, reason="ObjectMissing", message=message, asked=question)
        case Failure(message=message):
            return Found(bound, verdict=ERROR, reason="StoreUnavailable", message=message, asked=question)
        case None:
            return Found(bound, asked=question)
        case other:
            return _failed(bound, question, other)


def _failed(bound: str, question: Any, value: Any) -> Found:
    message = f"the source failed: {type(value).__name__}"
    return Found(bound, verdict=ERROR, reason="SourceFailed", message=message, asked=question)
