"""Weights that somebody else wrote, and routes that somebody deleted: one sentence each."""

from __future__ import annotations

from tests.simulation.rollout_world import V2, World, in_step, serving_v1


def test_a_weight_that_somebody_raised_is_lowered_at_once() -> None:
    world = serving_v1()
    world.edit(model=V2)
    world.until(in_step(1))
    world.weight, world.route_changed_by = 90, "kubectl-edit"
    world.tick()
    assert world.weight == 10


def test_a_weight_that_somebody_lowered_pauses_until_resume() -> None:
    world = serving_v1()
    world.edit(model=V2)
    world.until(in_step(2))
    world.weight, world.route_changed_by = 5, "argocd-controller"
    world.tick(120)
    assert world.weight == 5
    assert world.condition("Ready") == ("False", "WeightLowered")
    assert "argocd-controller" in world.status.paused_message
    world.command("resume")
    world.until(lambda w: w.live_version == "v2")


def test_a_weight_that_was_lowered_while_the_operator_was_away_is_an_abort() -> None:
    world = serving_v1()
    world.edit(model=V2)
    world.until(in_step(2))
    world.restart()
    world.weight, world.route_changed_by = 0, "kubectl-patch"
    world.until(World.at_rest)
    world.tick(30)
    assert world.weight == 0
    assert "kubectl-patch" in world.status.rejected[0].reason


def test_a_lost_status_finds_stable_again_and_takes_unknown_weight_back() -> None:
    world = serving_v1()
    world.edit(model=V2)
    world.until(in_step(2))
    world.status = type(world.status)()
    world.restart()
    world.tick(1)
    assert world.live_version == "v1"
    assert world.weight == 0
    world.until(lambda w: w.live_version == "v2")


def test_a_route_that_somebody_deletes_comes_back_at_rest_and_the_step_begins_again() -> None:
    world = serving_v1()
    world.edit(model=V2)
    world.until(in_step(2))
    world.weight = None
    world.tick()
    assert world.weight in (0, 10, 50)
    assert "RouteDeleted" in [reason for _, reason, _ in world.news]
    world.until(lambda w: w.live_version == "v2")


def test_the_route_follows_an_edit_of_its_host_names_in_mid_step_and_no_weight_moves() -> None:
    world = serving_v1()
    world.edit(model=V2)
    world.until(in_step(2))
    before, step = len(world.splits), world.status.step
    world.route_fits = False
    world.tick()
    assert world.route_fits
    assert (world.weight, len(world.splits)) == (50, before)
    assert world.status.step
    assert step
    assert world.status.step.confirmed_at == step.confirmed_at
    world.until(lambda w: w.live_version == "v2")


def test_a_route_that_is_paused_follows_an_edit_too_and_what_somebody_lowered_stays_low() -> None:
    world = serving_v1()
    world.edit(model=V2)
    world.until(in_step(2))
    world.weight, world.route_changed_by, world.route_fits = 5, "kubectl-edit", False
    world.tick(5)
    assert world.status.paused == "WeightLowered"
    assert (world.weight, world.route_fits) == (5, True)


def test_a_way_back_that_no_gateway_confirms_follows_the_spec_to_one_that_does() -> None:
    world = serving_v1()
    world.edit(model=V2)
    world.until(in_step(2))
    world.gateway_exists = False
    world.command("abort")
    world.tick(5)
    assert (world.weight, world.condition("Ready")) == (0, ("False", "RollingBack"))
    # The parentRefs of the spec now name a Gateway that answers.
    world.route_fits, world.gateway_exists = False, True
    world.tick(5)
    assert world.at_rest()
    assert world.route_fits
