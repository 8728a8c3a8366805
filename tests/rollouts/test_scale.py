"""What the scale subresource shows, and how many pods the candidate gets."""

from __future__ import annotations

from dataclasses import replace

from tests.simulation.rollout_world import SPEC, V2, WORKLOAD, World, in_step, serving_v1

from modelwright.api.rollout import CandidateReplicas, Workload


def test_an_autoscaler_is_shown_every_revision_that_serves() -> None:
    world = serving_v1()
    stable = world.status.stable
    assert stable
    assert world.status.selector == f"modelwright.dev/rollout=churn,modelwright.dev/revision in ({stable.revision})"
    assert world.status.replicas == 4
    world.edit(model=V2)
    world.until(in_step(1))
    candidate = world.status.candidate
    assert candidate
    both = ",".join(sorted([stable.revision, candidate.revision]))
    assert world.status.selector == f"modelwright.dev/rollout=churn,modelwright.dev/revision in ({both})"
    assert world.status.replicas == 4 + 2


def test_a_candidate_that_has_no_traffic_yet_does_not_count() -> None:
    world = serving_v1()
    before = world.status.selector
    world.edit(model=V2)
    world.tick(1)
    assert world.status.candidate
    assert world.weight == 0
    assert world.status.selector == before


def test_a_fixed_candidate_has_its_number_until_it_gets_all_traffic() -> None:
    fixed = replace(WORKLOAD, candidate_replicas=CandidateReplicas.FIXED, fixed_replicas=3)
    world = serving_v1(spec=replace(SPEC, workload=fixed))
    world.edit(model=V2)
    wanted = []

    def promoted(world: World) -> bool:
        if world.status.candidate and world.weight:
            wanted.append((world.weight, world.deployments[world.status.candidate.revision].wanted))
        return world.live_version == "v2"

    world.until(promoted)
    assert {(10, 3), (50, 3), (100, 4)} <= set(wanted)
    assert not {pods for weight, pods in wanted if weight == 100} - {4}


def test_an_autoscaler_that_scales_in_mid_rollout_is_followed_by_both_arms() -> None:
    workload: Workload = replace(WORKLOAD, candidate_replicas=CandidateReplicas.FULL)
    world = serving_v1(spec=replace(SPEC, workload=workload))
    world.edit(model=V2)
    world.until(in_step(1))
    world.edit(replicas=6)
    world.tick(5)
    assert {deployment.wanted for deployment in world.deployments.values()} == {6}
    world.until(lambda w: w.live_version == "v2")
