"""Every manifest that users are shown, rolled out in the simulated world: healthy models arrive, bad ones go back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from tests.contract.corpus import accepted, merged
from tests.simulation.attached_world import EXISTING, AttachedWorld, ExistingWorld
from tests.simulation.kserve_world import KSERVE, KServeWorld
from tests.simulation.rollout_world import V1, V2, World
from tests.simulation.virtual_world import ExistingVirtualWorld, VirtualWorld

from modelwright.api.metrics import Metric, Mode
from modelwright.api.parsing import parse_rollout
from modelwright.api.rollout import AttachedRoute, ExistingWorkload, InferenceServiceWorkload, RolloutSpec, State
from modelwright.metrics.profiles import merge
from modelwright.registries.configuration import Registry
from modelwright.registries.questions import RegisteredVersion
from modelwright.rollouts.observation import Approved, Golden, Neighbour
from modelwright.rollouts.plan.course import PERSONS
from modelwright.smoke.questions import Reproduced
from modelwright.webhooks.configuration import Webhook
from modelwright.webhooks.questions import Heard, Outcome

SERVER_SIDE = {"metadata": {"uid": "u", "generation": 1, "resourceVersion": "1"}}
ROLLOUTS = {name: body for name, body in accepted().items() if body["kind"] == "ModelRollout"}
EACH = pytest.mark.parametrize("name", ROLLOUTS)
LONGEST = timedelta(days=2)
# They last for days or weeks by what they say: whole ones are played in test_ab_tests.py.
AB_TESTS = [name for name, body in ROLLOUTS.items() if "abTest" in body["spec"].get("strategy", {})]


def spec_of(name: str) -> RolloutSpec:
    """As it is written, but active. Profiles, webhooks and servers for a smoke check are the platform's."""
    spec = parse_rollout(merged(ROLLOUTS[name], SERVER_SIDE)).spec
    metrics = merge((), spec.analysis.metrics)
    spec = replace(spec, before_step=(), after_step=(), promotion=replace(spec.promotion, smoke_check=None))
    return replace(spec, state=State.ACTIVE, analysis=replace(spec.analysis, metrics=metrics))


def usual(metric: Metric) -> float:
    """A share of events, or a value, that the metric has in a healthy model: well within its bounds."""
    bounds = metric.threshold
    if bounds is None:
        return 0.999 if metric.stable and (metric.stable.max_decrease or metric.stable.min_ratio) else 0.002
    if bounds.min is not None and bounds.max is not None:
        return float(bounds.min + bounds.max) / 2
    return float(bounds.max / 4 if bounds.max is not None else 1 - (1 - (bounds.min or Decimal(0))) / 4)


def broken(metric: Metric) -> float:
    """The same in a model that nobody wants."""
    if metric.threshold and metric.threshold.max is not None:
        return float(metric.threshold.max) * 2 + 0.1
    if metric.threshold or (metric.stable and (metric.stable.max_decrease or metric.stable.min_ratio)):
        return 0.05
    return 0.3


def world_of(spec: RolloutSpec) -> World:
    """A world at rest on v1, in which both models are healthy, just before v2 is wanted."""
    first = replace(spec, model=V1 if spec.model else None, baseline=V1 if spec.model_from else spec.baseline)
    world = _world_of(first)
    hooks = (*spec.before_step, *spec.after_step, *spec.after_rollout)
    world.webhooks = {name: Webhook(name, f"https://{name}.example.com", "/key") for name in hooks}
    world.heard = Heard(Outcome.ALLOWED)
    world.neighbours = tuple(Neighbour(name, rests=True) for name in spec.depends_on)
    if spec.model_from and spec.model_from.mlflow:
        name = spec.model_from.mlflow.registry
        world.registries = {name: Registry(name, "https://mlflow.example.com")}
        world.registered = RegisteredVersion(V1.version, V1.uri, V1.digest)
    if spec.ab_test:
        world.tester_share = spec.ab_test.audience.percent / 100
    for metric in spec.analysis.metrics:
        for version in ("v1", "v2"):
            world.metrics.rates[metric.name, version] = usual(metric)
            world.metrics.values[metric.name, version] = usual(metric)
    return world.until(World.at_rest)


def _world_of(spec: RolloutSpec) -> World:
    """As many pods and as much of a route as the spec needs: what they are called does not matter."""
    if isinstance(spec.workload, InferenceServiceWorkload):
        return KServeWorld(replace(spec, workload=KSERVE.workload, route=KSERVE.route), rate=200, step=60)
    if isinstance(spec.route, AttachedRoute):
        is_virtual = spec.route.kind == "VirtualService"
        kind = "VirtualService" if is_virtual else "HTTPRoute"
        spec = replace(spec, route=replace(spec.route, kind=kind, rule_name=""))
        if is_virtual and isinstance(spec.workload, ExistingWorkload):
            spec = replace(spec, workload=EXISTING.workload, baseline=V1)
            return ExistingVirtualWorld(spec, rate=200, step=60)
        if is_virtual:
            return VirtualWorld(spec, rate=200, step=60)
        if isinstance(spec.workload, ExistingWorkload):
            return ExistingWorld(replace(spec, workload=EXISTING.workload, baseline=V1), rate=200, step=60)
        return AttachedWorld(spec, rate=200, step=60)
    return World(spec=spec, rate=200, step=60)


def roll_out(world: World) -> World:
    if world.spec.model:
        world.edit(model=V2)
    else:
        world.approved = Approved(V2, "churn-abcde", V1.digest, since=world.now)
        world.registered = RegisteredVersion(V2.version, V2.uri, V2.digest)
        world.smoke = Reproduced(5)
        world.golden = Golden("churn-abcde", "default", "s3://results/churn-abcde/evaluation.json", "sha256:1")
    while True:
        world.until(
            lambda w: bool(w.status.rejected) or bool(w.status.paused) or w.live_version == "v2",
            limit=int(LONGEST.total_seconds()),
        )
        if world.status.paused not in PERSONS:
            return world
        world.command("promote", f"promote-{world.now}")
        world.tick()


@pytest.mark.parametrize("name", [name for name in ROLLOUTS if name not in AB_TESTS])
def test_a_healthy_model_is_promoted(name: str) -> None:
    world = roll_out(world_of(spec_of(name)))
    assert world.live_version == "v2" or world.status.paused == "Concluded"
    assert world.status.rejected == ()


@EACH
def test_a_model_that_fails_its_requests_is_rolled_back(name: str) -> None:
    spec = spec_of(name)
    guarding = [metric for metric in spec.analysis.metrics if metric.name == "errors"]
    world = world_of(spec)
    for metric in guarding:
        world.metrics.rates[metric.name, "v2"] = broken(metric)
    roll_out(world).until(World.at_rest)
    assert world.status.rejected[0].reason.startswith("errors: ")
    assert (world.live_version, world.weight) == ("v1", 0)


@pytest.mark.parametrize(
    ("name", "metric"),
    [
        (name, metric)
        for name in ROLLOUTS
        for metric in spec_of(name).analysis.metrics
        if metric.mode is Mode.DECIDE and metric.name != "errors"
    ],
    ids=lambda value: value.name if isinstance(value, Metric) else value,
)
def test_a_model_that_any_other_metric_finds_bad_is_not_promoted(name: str, metric: Metric) -> None:
    world = world_of(spec_of(name))
    world.metrics.rates[metric.name, "v2"] = broken(metric)
    world.metrics.values[metric.name, "v2"] = broken(metric)
    roll_out(world).until(World.at_rest)
    assert world.status.rejected[0].reason.startswith(f"{metric.name}: ")
    assert world.live_version == "v1"
