"""The recipe of a run before it runs: the pipeline, its parameters, and which data there are as far as triggers tell.

What a trigger gives (when it fired, where its window begins) makes no other recipe: without new data it asks for the
same again. Code and seed inside of the pipeline are known afterwards only, from its evaluation.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from modelwright.api.models import Model
from modelwright.api.pipelines import Parameter
from modelwright.api.policy import Champion, RetrainPolicy
from modelwright.kubeflow.questions import PipelineDescription
from modelwright.retraining.plan.described import Known
from modelwright.retraining.plan.triggers import TriggerSeen


def planned_recipe(
    policy: RetrainPolicy, champion: Champion | None, known: Known, looks: Sequence[TriggerSeen]
) -> str | None:
    """`sha256:…`; "" where no trigger of the policy tells which data there are, None where that is not known now."""
    markers = [
        (trigger.name, look.marker if trigger.data.query else look.status.value)
        for trigger, look in zip(policy.spec.triggers, looks, strict=True)
        if trigger.data
    ]
    if not markers:
        return ""
    if not isinstance(known, PipelineDescription) or not all(marker for _, marker in markers):
        return None
    pipeline, model = policy.spec.pipeline, champion.model if champion else Model("", "")
    made_with = [
        pipeline.server,
        pipeline.title,
        known.version_id,
        known.digest,
        sorted(_given(parameter, model) for parameter in pipeline.parameters),
        markers,
    ]
    return f"sha256:{hashlib.sha256(json.dumps(made_with).encode()).hexdigest()}"


def _given(parameter: Parameter, champion: Model) -> tuple[str, str]:
    if parameter.champion:
        known = {"uri": champion.uri, "digest": champion.digest, "version": champion.version}
        return parameter.name, known.get(parameter.champion, "")
    return parameter.name, parameter.value or parameter.secret or f"of the trigger: {parameter.trigger}"
