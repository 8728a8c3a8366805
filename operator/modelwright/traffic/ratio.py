"""How many pods make a share of traffic, where nothing but their number divides it. Pure."""

from __future__ import annotations

from math import ceil

from modelwright.analysis.share import tolerance_points
from modelwright.api.rollout import ReplicaRatio, RolloutSpec
from modelwright.traffic.route import Obstacle

MOST = 50
"""Percent up to which pods are added beside those of stable. More would take more pods than stable has."""


def pods_for(replicas: int, weight: int) -> int:
    """Pods of a candidate whose share beside `replicas` of stable is nearest to `weight` percent."""
    return max(1, round(replicas * weight / (100 - weight)))


def share_of(replicas: int, pods: int) -> float:
    """Percent of traffic that `pods` get beside `replicas`, if all get the same."""
    return 100 * pods / (replicas + pods)


def replicas_needed(weight: int) -> int:
    """The fewest pods of stable beside which one pod gets no more than `weight` percent and what is tolerated."""
    return max(1, ceil(100 / (weight + tolerance_points(weight)) - 1))


def obstacle(spec: RolloutSpec) -> Obstacle | None:
    """The first step whose weight whole pods cannot come near enough to, None where all can."""
    if not isinstance(spec.route, ReplicaRatio):
        return None
    for weight in (step.weight for step in spec.steps):
        if not weight or weight == 100:
            continue
        pods = pods_for(spec.replicas, weight)
        share = share_of(spec.replicas, pods)
        if abs(share - weight) > tolerance_points(weight):
            return Obstacle(
                "ShareNotPossible",
                f"a step of {weight} % cannot be made of pods: beside {spec.replicas} of stable {pods} of the other "
                f"get {share:.0f} %. Have at least {replicas_needed(weight)} `replicas`, or a step of {round(share)} %",
            )
    return None
