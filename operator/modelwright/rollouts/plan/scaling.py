"""What the scale subresource shows of a rollout, so that an HPA aims at it as at a Deployment."""

from __future__ import annotations

from modelwright.api.rollout import Workload
from modelwright.cluster.keys import REVISION_LABEL, ROLLOUT_LABEL
from modelwright.rollouts.plan.draft import Draft


def show_scale(draft: Draft) -> None:
    """The pods of every revision that serves.

    An autoscaler multiplies the mean load of the pods that it finds with their number. Only with all that serve is
    that the whole load, and the result what `spec.replicas` is: the pods that all traffic needs. With stable's alone
    stable would shrink as its share does, and could not take the traffic back.
    """
    if not isinstance(draft.spec.workload, Workload):
        # What keeps them has a scale of its own.
        return
    arms = [arm for arm in (draft.status.stable, draft.status.candidate) if arm and arm.weight > 0]
    revisions = sorted(arm.revision for arm in arms)
    if not revisions:
        # A rollout whose first version starts is looked for under what all its pods have in common.
        draft.change(replicas=0, selector=f"{ROLLOUT_LABEL}={draft.seen.rollout.name}")
        return
    seen = [draft.seen.deployments.get(revision) for revision in revisions]
    draft.change(
        replicas=sum(deployment.pods for deployment in seen if deployment),
        selector=f"{ROLLOUT_LABEL}={draft.seen.rollout.name},{REVISION_LABEL} in ({','.join(revisions)})",
    )
