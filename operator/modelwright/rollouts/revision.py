"""A revision is a hash of model and pod template: the unit of rollout, of rejection and of history."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from modelwright.api.models import Model
from modelwright.api.rollout import ExistingWorkload, InferenceServiceWorkload, Workload

LENGTH = 10


def revision_of(model: Model, template: Mapping[str, Any], port: str) -> str:
    """Ten hex digits. Replicas, strategy and analysis are no part of it: changing them moves no traffic."""
    content = json.dumps(
        {"model": [model.version, model.uri, model.digest], "template": template, "port": port},
        sort_keys=True,
        separators=(",", ":"),
    )
    return hashlib.sha256(content.encode()).hexdigest()[:LENGTH]


def revision_for(workload: Workload | ExistingWorkload | InferenceServiceWorkload, model: Model) -> str:
    """The revision of `model` in `workload`. Of pods that are not ours it is the model alone: no name of theirs."""
    if not isinstance(workload, Workload):
        return revision_of(model, {}, "")
    return revision_of(model, workload.template, workload.port)
