"""Whose an object is: ours, left behind by a rollout of the same name, or somebody else's and never touched."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from modelwright.api.rollout import ModelRollout
from modelwright.cluster.keys import MODEL_ROLLOUT, ROLLOUT_LABEL, Kind

MANAGED_BY_LABEL = "app.kubernetes.io/managed-by"
MANAGED_BY = "modelwright"


class Ownership(StrEnum):
    OURS = "Ours"
    ORPHANED = "Orphaned"  # made for a rollout of this name that was deleted with --cascade=orphan
    FOREIGN = "Foreign"


def ownership(body: Mapping[str, Any], rollout: ModelRollout) -> Ownership:
    """Judged by the controller reference; an object without one is an orphan only if it carries our labels."""
    metadata = body["metadata"]
    controllers = [owner for owner in metadata.get("ownerReferences", []) if owner.get("controller")]
    if controllers:
        return Ownership.OURS if controllers[0]["uid"] == rollout.uid else Ownership.FOREIGN
    labels = metadata.get("labels", {})
    left_behind = labels.get(MANAGED_BY_LABEL) == MANAGED_BY and labels.get(ROLLOUT_LABEL) == rollout.name
    return Ownership.ORPHANED if left_behind else Ownership.FOREIGN


def owner_reference(rollout: ModelRollout) -> dict[str, Any]:
    return {
        "apiVersion": MODEL_ROLLOUT.api_version,
        "kind": MODEL_ROLLOUT.name,
        "name": rollout.name,
        "uid": rollout.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def owned(rollout: ModelRollout, kind: Kind, name: str, labels: Mapping[str, str]) -> dict[str, Any]:
    """The head of an object that is made for `rollout`, which goes when the rollout does."""
    return {
        "apiVersion": kind.api_version,
        "kind": kind.name,
        "metadata": {
            "name": name,
            "namespace": rollout.namespace,
            "labels": {MANAGED_BY_LABEL: MANAGED_BY, **labels},
            "ownerReferences": [owner_reference(rollout)],
        },
    }
