"""The API server and controllers of the simulated world: what a pass sees of it, and what a plan's actions do to it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from tests.simulation.invariants import check_move, check_split

from modelwright.api.models import Model
from modelwright.rollouts.actions import (
    Action,
    CreateDeployment,
    DeleteDeployment,
    ForgetRevision,
    PointService,
    RecordRevision,
    ScaleDeployment,
    WriteRoute,
)
from modelwright.rollouts.observation import DeploymentSeen, Observation, RecordedRevision, ServiceSeen
from modelwright.rollouts.plan import Plan
from modelwright.rollouts.plan.queueing import has_begun
from modelwright.traffic.route import RouteSeen, Split

if TYPE_CHECKING:
    from tests.simulation.rollout_world import World


@dataclass
class Deployment:
    model: Model
    wanted: int
    changed_at: datetime


def observe(world: World) -> Observation:
    services = {
        role: ServiceSeen(revision, {revision: world.ready(revision)} if world.ready(revision) else {})
        for role, revision in world.services.items()
    }
    route = None
    if world.split is not None:
        accepted = world.gateway_exists and world.now - world.route_changed_at >= world.accept_delay
        route = RouteSeen(
            world.split,
            str(world.route_version),
            True if accepted else None,
            changed_by=world.route_changed_by,
            as_wanted=world.route_fits,
            silent=() if accepted or world.gateway_exists else ("'public'",),
            written_at=world.route_changed_at,
            unsupported=world.unsupported,
        )
    return Observation(
        rollout=world.rollout(),
        policy_exists=world.spec.model_from is not None and world.source_exists,
        approved=world.approved,
        chain=world.chain,
        deployments={
            revision: DeploymentSeen(f"churn-{revision}", revision, d.model, d.wanted, f"uid-{revision}", pods=d.wanted)
            for revision, d in world.deployments.items()
        },
        recorded=dict(world.recorded),
        stable_service=services.get("stable"),
        candidate_service=services.get("candidate"),
        route=route,
        answers={q: a for q, a in world.answers.items() if q in world.questions},
        first_pass=world.restarted,
        profile_problem=world.profile_problem,
        sources={source.name: source for source in world.sources},
        registries=world.registries,
        webhooks=world.webhooks,
        golden=world.golden,
        addresses={revision: ("10.244.1.2:8080",) for revision in world.deployments if world.ready(revision)},
        neighbours=() if has_begun(world.status) else world.neighbours,
        concurrent=world.concurrent,
    )


def do(world: World, action: Action, plan: Plan) -> None:
    match action:
        case RecordRevision(revision, number, model, template, port):
            world.recorded[revision] = RecordedRevision(revision, number, model, template, port)
        case CreateDeployment(revision, model, _, replicas):
            world.deployments[revision] = Deployment(model, replicas, world.now)
        case ScaleDeployment(name, replicas):
            _scale(world, name.removeprefix("churn-"), replicas)
        case DeleteDeployment(name, _):
            assert name.removeprefix("churn-") not in world.services.values(), "removed pods that a Service selects"
            world.deployments.pop(name.removeprefix("churn-"), None)
        case PointService(role, revision, _):
            check_move(world, role, revision)
            world.services[role] = revision
        case WriteRoute(split, version):
            _write_route(world, split, version, plan)
        case ForgetRevision(revision):
            world.recorded.pop(revision, None)


def _scale(world: World, revision: str, replicas: int) -> None:
    # Growing pods are ready at once here: a simulated Deployment never loses its old pods by scaling up.
    world.deployments[revision].wanted = replicas


def _write_route(world: World, split: Split, version: str, plan: Plan) -> None:
    check_split(world, split, version, plan)
    if split != world.split or not world.route_fits:
        if split != world.split:
            world.splits.append((world.now, split))
        world.route_version += 1
        world.route_changed_at = world.now
    world.split, world.route_changed_by, world.route_fits = split, "", True
