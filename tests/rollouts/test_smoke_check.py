"""The smoke check in simulated rollouts: before any traffic, for the very first version too."""

from __future__ import annotations

from dataclasses import replace

from tests.simulation.rollout_world import SPEC, V1, V2, World, in_step

from modelwright.api.following import ModelFrom
from modelwright.api.models import Model
from modelwright.api.rollout import SmokeCheck
from modelwright.rollouts.golden import addresses_of
from modelwright.rollouts.observation import Approved, Golden
from modelwright.smoke.questions import Differs, NotChecked, Reproduced, SmokeQuestion

CHECKED = replace(
    SPEC,
    model=None,
    model_from=ModelFrom("churn"),
    promotion=replace(SPEC.promotion, smoke_check=SmokeCheck.GOLDEN_ROWS),
)


def approve(world: World, model: Model, run: str) -> None:
    world.approved = Approved(model, run, "")
    world.golden = Golden(run, "default", f"s3://results/{run}/evaluation.json", "sha256:1")


def on_v1() -> World:
    world = World(spec=CHECKED)
    approve(world, V1, "churn-1")
    world.smoke = Reproduced(5)
    return world.until(World.at_rest)


def test_a_model_that_reproduces_its_evaluation_goes_its_way() -> None:
    world = on_v1()
    approve(world, V2, "churn-2")
    world.until(lambda w: w.live_version == "v2")
    told = [message for _, reason, message in world.news if reason == "WeightRaised"]
    assert [message.endswith("to v2: 5 golden rows are reproduced") for message in told[:2]] == [True, False]


def test_a_model_that_says_something_else_gets_no_traffic_and_is_rejected() -> None:
    world = on_v1()
    seen = len(world.splits)
    world.smoke = Differs("pod 10.244.1.2:8080: golden row 0: probability 0.3 instead of 0.9")
    approve(world, V2, "churn-2")
    world.until(lambda w: bool(w.status.rejected) and w.at_rest())
    assert world.splits[seen:] == []
    assert "golden row 0" in world.status.rejected[0].reason
    assert "SmokeCheckFailed" in [reason for _, reason, _ in world.news]
    world.tick(60)
    assert world.live_version == "v1"


def test_pods_that_do_not_answer_hold_the_weight() -> None:
    world = on_v1()
    world.smoke = NotChecked("pod 10.244.1.2:8080: did not answer within 5s")
    approve(world, V2, "churn-2")
    world.tick(120)
    assert world.weight == 0
    assert world.status.rejected == ()
    assert world.condition("Progressing") == ("True", "SmokeCheckUnanswered")
    world.smoke = Reproduced(5)
    world.until(in_step(1))


def test_an_evaluation_that_is_gone_holds_the_weight() -> None:
    world = on_v1()
    world.approved = Approved(V2, "churn-2", "")
    world.tick(60)
    assert world.weight == 0
    assert world.condition("Progressing") == ("True", "SmokeCheckUnanswered")


def test_a_first_version_is_checked_before_there_is_a_route() -> None:
    world = World(spec=CHECKED)
    approve(world, V1, "churn-1")
    world.smoke = NotChecked("pod 10.244.1.2:8080: did not answer within 5s")
    world.tick(60)
    assert world.weight is None
    world.smoke = Differs("golden row 0")
    world.tick(60)
    assert world.weight is None
    assert world.status.stable is None
    assert world.condition("RolledBack") == ("True", "RolledBack")
    assert [known.version for known in world.status.rejected] == ["v1"]
    assert world.plan().status == world.status
    world.smoke = Reproduced(5)
    approve(world, V2, "churn-2")
    world.until(World.at_rest)
    assert world.live_version == "v2"


def test_what_serves_is_not_asked_any_more() -> None:
    world = on_v1()
    approve(world, V2, "churn-2")
    world.until(in_step(1))
    assert not [question for question in world.questions if isinstance(question, SmokeQuestion)]


def test_a_baseline_has_no_predictions_to_reproduce() -> None:
    world = World(spec=replace(CHECKED, baseline=V1)).until(World.at_rest)
    assert world.live_version == "v1"


def test_only_ready_pods_are_asked_at_the_port_that_serves() -> None:
    ports = [{"name": "metrics", "containerPort": 9}, {"name": "http", "containerPort": 8080}]

    def pod(address: str, ready: str) -> dict[str, object]:
        return {
            "metadata": {"labels": {"modelwright.dev/revision": "a"}},
            "spec": {"containers": [{"ports": ports}, {}]},
            "status": {"podIP": address, "conditions": [{"type": "Ready", "status": ready}]},
        }

    pods = [pod("10.1.0.2", "True"), pod("fd00::1", "True"), pod("10.1.0.3", "False"), pod("", "True")]
    assert addresses_of(pods, "http") == {"a": ("10.1.0.2:8080", "[fd00::1]:8080")}
