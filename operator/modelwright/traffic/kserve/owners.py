"""Who wrote the fields of an InferenceService that a rollout writes, and whether Git has them by now. Pure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from modelwright.cluster.access import FIELD_MANAGER
from modelwright.traffic.field_managers import SETTLER
from modelwright.traffic.kserve.service import uri_of

OURS = (FIELD_MANAGER, SETTLER)

MODEL = ("spec", "predictor", "model", "storageUri")
WEIGHTS = (("spec", "predictor", "canaryTrafficPercent"), ("spec", "canary"))
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"

Object = Mapping[str, Any]


def is_ours(body: Object) -> bool:
    """Whether the model is the one that we wrote last."""
    return any(manager in OURS for manager in _owners(body, MODEL))


def changed_by(body: Object, *, placed: bool) -> str:
    """Who changed the weight last, or where the candidate's model is gone, the model; "" where that was us."""
    for path in WEIGHTS if placed else (MODEL, WEIGHTS[1]):
        if owners := _owners(body, path):
            return "" if FIELD_MANAGER in owners else owners[0]
    # A field that was taken away has no owner left: then the newest change has to do.
    newest: Object = max(_of_spec(body), key=lambda entry: str(entry.get("time", "")), default={})
    manager = str(newest.get("manager", ""))
    return "" if manager == FIELD_MANAGER else manager or "somebody"


def git_follows(body: Object) -> bool:
    """Whether somebody else asks for the model that it has, or nobody else asks for any."""
    others = [manager for manager in _owners(body, MODEL) if manager not in OURS]
    if others or not is_ours(body):
        return True
    applied = body["metadata"].get("annotations", {}).get(LAST_APPLIED)
    if applied:
        try:
            return uri_of({"spec": json.loads(applied).get("spec") or {}}) in ("", uri_of(body))
        except (ValueError, AttributeError):
            return False
    return not any(entry.get("manager") not in OURS for entry in _of_spec(body))


def _owners(body: Object, path: Sequence[str]) -> list[str]:
    owners = []
    for entry in _of_spec(body):
        fields: Any = entry.get("fieldsV1", {})
        for step in path:
            fields = fields.get(f"f:{step}") if isinstance(fields, Mapping) else None
        if fields is not None:
            owners.append(str(entry.get("manager", "")))
    return owners


def _of_spec(body: Object) -> list[Object]:
    fields = body["metadata"].get("managedFields", [])
    return [entry for entry in fields if not entry.get("subresource") and "f:spec" in entry.get("fieldsV1", {})]
