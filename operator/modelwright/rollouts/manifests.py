"""The objects that a rollout owns, built from what the plan decided.

Labels come from an allow-list, never from the parent: a copied tracking label would make GitOps tools prune children.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

from modelwright.api.models import Model
from modelwright.api.rollout import ModelRollout
from modelwright.cluster.keys import CONTROLLER_REVISION, DEPLOYMENT, REVISION_LABEL, ROLLOUT_LABEL, SERVICE
from modelwright.rollouts.actions import RecordRevision, RecordStable
from modelwright.rollouts.ownership import owned
from modelwright.traffic.backends import SERVICE_PORT, candidate_service, stable_service

URI_ANNOTATION = "modelwright.dev/model-uri"
VERSION_ANNOTATION = "modelwright.dev/model-version"
DIGEST_ANNOTATION = "modelwright.dev/model-digest"

Object = dict[str, Any]


def child_name(rollout: ModelRollout, revision: str) -> str:
    return f"{rollout.name}-{revision}"


def deployment(
    rollout: ModelRollout, revision: str, model: Model, template: Mapping[str, Any], replicas: int
) -> Object:
    """One revision's Deployment. It never surges into another revision: a revision's template never changes."""
    labels = {ROLLOUT_LABEL: rollout.name, REVISION_LABEL: revision}
    pods: Object = copy.deepcopy(dict(template))
    metadata = pods.setdefault("metadata", {})
    metadata["labels"] = {**metadata.get("labels", {}), **labels}
    _inject(pods, rollout.name, model)
    body = owned(rollout, DEPLOYMENT, child_name(rollout, revision), labels)
    body["metadata"]["annotations"] = {
        URI_ANNOTATION: model.uri,
        VERSION_ANNOTATION: model.version,
        DIGEST_ANNOTATION: model.digest,
    }
    body["spec"] = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": pods}
    return body


def service(rollout: ModelRollout, role: str, revision: str, port: str) -> Object:
    names = {"stable": stable_service, "candidate": candidate_service}
    body = owned(rollout, SERVICE, names[role](rollout.name), {ROLLOUT_LABEL: rollout.name})
    target: int | str = int(port) if port.isdecimal() else port
    body["spec"] = {
        "selector": {ROLLOUT_LABEL: rollout.name, REVISION_LABEL: revision},
        "ports": [{"name": "http", "port": SERVICE_PORT, "targetPort": target, "protocol": "TCP"}],
    }
    return body


def controller_revision(rollout: ModelRollout, action: RecordRevision) -> Object:
    body = owned(
        rollout,
        CONTROLLER_REVISION,
        child_name(rollout, action.revision),
        {ROLLOUT_LABEL: rollout.name, REVISION_LABEL: action.revision},
    )
    body["revision"] = action.number
    body["data"] = {
        "model": {"version": action.model.version, "uri": action.model.uri, "digest": action.model.digest},
        "template": action.template,
        "port": action.port,
    }
    return body


def stable_record_id(number: int) -> str:
    return f"stable-{number}"


def stable_record(rollout: ModelRollout, action: RecordStable) -> Object:
    """Who is stable among existing workloads. It has no revision to go back to: its pods are not ours."""
    name = child_name(rollout, stable_record_id(action.number))
    body = owned(rollout, CONTROLLER_REVISION, name, {ROLLOUT_LABEL: rollout.name})
    body["revision"] = action.number
    model = action.model
    body["data"] = {
        "model": {"version": model.version, "uri": model.uri, "digest": model.digest},
        "backend": {"kind": str(action.backend.kind), "name": action.backend.name},
    }
    return body


def _inject(pods: Object, name: str, model: Model) -> None:
    """Tell the first container which model to serve. What the user wrote under the same names gives way."""
    injected = {
        "MODEL_NAME": name,
        "MODEL_URI": model.uri,
        "MODEL_VERSION": model.version,
        "MODEL_DIGEST": model.digest,
    }
    container = pods["spec"]["containers"][0]
    kept = [entry for entry in container.get("env", []) if entry.get("name") not in injected]
    container["env"] = [{"name": key, "value": value} for key, value in injected.items()] + kept
