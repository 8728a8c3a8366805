"""Reads whom a rollout follows over how many others: staging, before it a laboratory, and so on."""

from __future__ import annotations

from modelwright.api.fields import Fields
from modelwright.api.rollout import ModelRollout
from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import MODEL_ROLLOUT
from modelwright.rollouts.plan.following import LONGEST


async def read_chain(cluster: Cluster, rollout: ModelRollout) -> tuple[str, ...]:
    """The names that `modelFrom.modelRolloutRef` leads over, the nearest first.

    It ends where somebody follows none or is not there, where a name comes again, and one beyond LONGEST.
    """
    source = rollout.spec.model_from
    name = source.model_rollout.name if source and source.model_rollout else ""
    chain: list[str] = []
    while name:
        is_known = name in chain or name == rollout.name
        chain.append(name)
        if is_known or len(chain) > LONGEST:
            break
        body = await cluster.get(MODEL_ROLLOUT, rollout.namespace, name)
        spec = Fields(body or {}, "").section_or_empty("spec")
        name = spec.section_or_empty("modelFrom").section_or_empty("modelRolloutRef").text("name", "")
    return tuple(chain)
