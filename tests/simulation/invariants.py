"""What must hold in every simulated rollout, whatever the strategy: checked at each write and after each pass."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelwright.analysis.verdict import Verdict
from modelwright.api.metrics import During, Metric, Mode
from modelwright.api.rollout import Stage
from modelwright.metrics.questions import NoLook
from modelwright.rollouts.plan import Plan
from modelwright.rollouts.plan.asking import has_bounds
from modelwright.rollouts.plan.course import audience_of, share_of
from modelwright.rollouts.plan.weights import OURS_TO_WRITE
from modelwright.smoke.questions import Reproduced
from modelwright.traffic.route import Split

if TYPE_CHECKING:
    from tests.simulation.rollout_world import World


def check_split(world: World, split: Split, version: str, plan: Plan) -> None:
    """Of a write to the route. All that gives the candidate more than it has now is a raise."""
    live = world.split or Split()
    assert 0 <= split.weight <= 100
    assert 0 <= split.mirror <= 100
    assert not (split.weight and (split.mirror or split.testers)), "mixed populations cannot be compared"
    if not split.is_within(live):
        check_raise(world, live, split, version, plan)


def check_move(world: World, role: str, revision: str) -> None:
    """Of a Service that selects another revision."""
    live = world.split or Split()
    gets_some = world.split is not None and (live != Split() if role == "candidate" else live.weight < 100)
    moved = role in world.services and world.services[role] != revision
    assert not (moved and gets_some and world.ready(revision) == 0), "moved live traffic to no endpoints"


def check_at_peace(world: World) -> None:
    """After the passes of one moment: nobody is sent to a candidate that is not there, if there is anywhere else."""
    candidate, stable = world.status.candidate, world.status.stable
    # The stages that write it themselves may have to wait for stable's pods first.
    follows = world.split is not None and world.status.stage not in OURS_TO_WRITE
    assert world.route_fits or not follows, "the route is not what the spec asks for"
    if world.split and world.split.serves and candidate and stable and world.status.stage is not Stage.PROMOTING:
        assert world.ready(candidate.revision) > 0 or world.ready(stable.revision) == 0, (
            "users are sent to no endpoints"
        )


def check_raise(world: World, live: Split, split: Split, version: str, plan: Plan) -> None:
    assert version == str(world.route_version), "raised on a route that changed since it was read"
    assert world.ready(world.services["candidate"]) > 0, "traffic to a revision without ready endpoints"
    if world.spec.promotion.smoke_check and plan.status.candidate and plan.status.candidate.retrain_run:
        assert live != Split() or isinstance(world.smoke, Reproduced), "traffic without a smoke check"
    shortcut = plan.status.shortcut
    assert world.ready(world.services["stable"]) > 0 or shortcut, "raised while stable was down"
    asked = {getattr(question, "metric", "") for question in world.questions}
    deciding = {m.name for m in world.spec.analysis.metrics if _is_awaited(m, world, live, plan) and m.name in asked}
    verdicts = {metric.verdict for metric in plan.status.metrics if metric.name in deciding}
    begins_anew = not world.status.step or world.status.step.evidence_since is None
    assert begins_anew or not verdicts & {Verdict.FAIL}, "raised on a Fail"
    if shortcut:
        # Somebody's word, or the way back to what served before: only a Fail may stop it.
        assert split.weight == 100, "a shortcut leads to all traffic"
        return
    if live != Split() and deciding:
        asked_now = [question for question in world.questions if getattr(question, "until", None) is None]
        questions = [question for question in asked_now if getattr(question, "metric", "") in deciding]
        newest = [world.answers[question] for question in questions if question in world.answers]
        assert len(newest) == len(questions), "raised without a look"
        assert not any(isinstance(answer.value, NoLook) for answer in newest), "raised on no data"
    held_back = world.spec.promotion.holdback
    all_but_a_control = 100 - held_back.weight if held_back else 100
    if share_of(world.spec, split) >= all_but_a_control and deciding:
        assert verdicts <= {Verdict.PASS}, f"went to {split} on {verdicts}"


def _is_awaited(metric: Metric, world: World, live: Split, plan: Plan) -> bool:
    """Among testers, and before any traffic, a metric without a bound of its own may only fail.

    So may a goal, or what only the holdback waits for, that somebody waived.
    """
    step = plan.status.step
    if (metric.goal or metric.during == (During.HOLDBACK,)) and step and step.released_at:
        return False
    alone = not live.weight and not live.mirror and not audience_of(world.spec, live)
    return metric.mode is Mode.DECIDE and not (alone and not has_bounds(metric))
