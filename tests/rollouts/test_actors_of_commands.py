"""Who gave a command is remembered with its outcome, and told in the news."""

from __future__ import annotations

from tests.simulation.rollout_world import V2, World, in_step, serving_v1


def commanded(verb: str, actor: str) -> World:
    """A world in its first step, with a command that admission has stamped with `actor`."""
    world = serving_v1()
    world.edit(model=V2)
    world.until(in_step(1))
    world.annotations["modelwright.dev/actor"] = actor
    world.command(verb)
    world.tick()
    return world


def news(world: World, reason: str) -> list[str]:
    return [message for _, told, message in world.news if told == reason]


def test_an_abort_rejects_by_name() -> None:
    world = commanded("abort", "alice")
    assert world.status.rejected[0].reason == "aborted by alice"
    assert news(world, "Aborted") == ["v2: aborted by alice"]


def test_a_done_command_names_its_actor() -> None:
    world = commanded("promote", "alice")
    assert world.status.command
    assert (world.status.command.outcome, world.status.command.actor) == ("Done", "alice")
    assert news(world, "CommandDone") == [f"promote of revision {world.status.command.revision} by alice"]


def test_a_refused_command_names_its_actor() -> None:
    world = commanded("resume", "system:serviceaccount:argocd:controller")
    assert world.status.command
    assert (world.status.command.outcome, world.status.command.actor) == (
        "Refused",
        "system:serviceaccount:argocd:controller",
    )
    assert news(world, "CommandRefused") == ["resume by system:serviceaccount:argocd:controller: it is not paused"]


def test_without_a_stamp_nobody_is_named() -> None:
    world = commanded("abort", "")
    assert world.status.command
    assert world.status.command.actor == ""
    assert world.status.rejected[0].reason == "aborted by command"


def test_the_next_command_does_not_inherit_the_outcome_of_another_person() -> None:
    world = commanded("promote", "alice")
    world.annotations["modelwright.dev/actor"] = "bob"
    world.command("abort", "2")
    world.tick()
    assert world.status.command
    assert (world.status.command.id, world.status.command.actor) == ("2", "bob")
