"""What may go wrong around a rollout, and what a spec may ask for: drawn at random for whole simulated rollouts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import Phase
from hypothesis import strategies as st
from tests.simulation.rollout_world import ERRORS, SPEC, V1, V2, V3, World

from modelwright.api.ab_test import ABTest, Audience, Bucket, OnUndecided
from modelwright.api.goals import Goal, WholeWeeks
from modelwright.api.metrics import (
    AgainstStable,
    Bounds,
    During,
    Limits,
    Mean,
    Metric,
    Proportion,
    RequiredFor,
    StableLimit,
)
from modelwright.api.parsing.strategy import Strategy
from modelwright.api.rollout import (
    BlueGreen,
    HeaderMatch,
    Holdback,
    OnNoData,
    OnPassed,
    Pause,
    Promote,
    RolloutSpec,
    Shadow,
    Step,
)
from modelwright.traffic.route import Split

PHASES = [Phase.explicit, Phase.generate]
"""Without shrinking: one whole rollout takes about a second, and a shrunk script says little more than a found one."""


def _flip_prometheus(world: World) -> None:
    world.metrics.up = not world.metrics.up


def _conflict(world: World) -> None:
    world.fail_next_apply = lambda _: True


def _lose_status(world: World) -> None:
    world.lose_next_status = True


def _kill(version: str) -> Callable[[World], None]:
    def kill(world: World) -> None:
        world.dead.add(version)

    return kill


def _revive(world: World) -> None:
    world.dead.clear()


def _edit_route(weight: int) -> Callable[[World], None]:
    return _edit_split(lambda split: replace(split, weight=weight))


def _edit_split(change: Callable[[Split], Split]) -> Callable[[World], None]:
    def edit(world: World) -> None:
        if world.split is not None:
            world.split, world.route_changed_by = change(world.split), "somebody"
            world.route_version += 1

    return edit


def _edit_hostnames(world: World) -> None:
    world.generation += 1
    world.route_fits = False


def _delete_route(world: World) -> None:
    world.split = None


def of_strategy(spec: RolloutSpec, strategy: Strategy) -> RolloutSpec:
    """`spec` by another way, with a goal where that is a test."""
    guardrails = tuple(metric for metric in spec.analysis.metrics if not metric.goal)
    metrics = (*guardrails, CONVERSION) if strategy.ab_test else guardrails
    return replace(
        spec,
        steps=strategy.steps,
        sticky_by=strategy.sticky_by,
        blue_green=strategy.blue_green,
        shadow=strategy.shadow,
        ab_test=strategy.ab_test,
        analysis=replace(spec.analysis, metrics=metrics),
    )


def _strategy(strategy: Strategy) -> Callable[[World], None]:
    def edit(world: World) -> None:
        world.spec = of_strategy(world.spec, strategy)
        world.generation += 1

    return edit


def _want(model: object) -> Callable[[World], None]:
    return lambda world: world.edit(model=model)


FAULTS: dict[str, Callable[[World], None]] = {
    "nothing": lambda _: None,
    "prometheus": _flip_prometheus,
    "restart": World.restart,
    "conflict": _conflict,
    "lost status write": _lose_status,
    "stable dies": _kill("v1"),
    "candidate dies": _kill("v2"),
    "pods come back": _revive,
    "weight lowered": _edit_route(1),
    "route deleted": _delete_route,
    "host names edited": _edit_hostnames,
    "weight raised": _edit_route(95),
    "copies taken away": _edit_split(lambda split: replace(split, mirror=0)),
    "copies added": _edit_split(lambda split: replace(split, mirror=100)),
    "testers taken away": _edit_split(lambda split: replace(split, testers=())),
    "testers added": _edit_split(lambda split: replace(split, testers=(HeaderMatch("x-everybody", "1"),))),
    "somebody promotes": lambda world: world.command("promote", f"promote-{world.now}"),
    "new model": _want(V3),
    "back to v2": _want(V2),
    "back to v1": _want(V1),
}

HOLD = timedelta(seconds=20)
CONVERSION = Metric(
    "conversion",
    Proportion("buyers{$(selector)}", "users{$(selector)}"),
    stable=AgainstStable(max_decrease=Decimal("0.05")),
    goal=Goal(whole_weeks=WholeWeeks.OPTIONAL),
    during=(During.CANARY,),
)
AB_TEST = ABTest(Audience(40, cookie="bucket"), HOLD, timedelta(minutes=5))
STRATEGIES = {
    "canary": Strategy(SPEC.steps),
    "every kind of step": Strategy(
        (
            Step(pause=Pause(timedelta(seconds=5))),
            Step(shadow=30, hold=HOLD),
            Step(match=(HeaderMatch("x-tester", "1"),), hold=HOLD),
            Step(10, HOLD),
            Step(pause=Pause()),
            Step(50, HOLD),
            Step(pause=Pause(timedelta(seconds=30))),
            Step(100, timedelta(seconds=5)),
        )
    ),
    "sticky canary": Strategy(SPEC.steps, Bucket(cookie="bucket")),
    "blue-green": Strategy(blue_green=BlueGreen(HOLD)),
    "blue-green, approved": Strategy(blue_green=BlueGreen(HOLD, Promote.WHEN_APPROVED)),
    "shadow, promoted": Strategy(shadow=Shadow(20, HOLD, OnPassed.PROMOTE)),
    "shadow, concluded": Strategy(shadow=Shadow(20, HOLD)),
    "a/b test": Strategy(ab_test=AB_TEST),
    "a/b test, promoted undecided": Strategy(ab_test=replace(AB_TEST, on_undecided=OnUndecided.PROMOTE)),
}
FAULTS |= {f"edited to {name}": _strategy(strategy) for name, strategy in STRATEGIES.items()}

faults = st.lists(st.tuples(st.sampled_from(sorted(FAULTS)), st.integers(1, 15)), min_size=3, max_size=25)


def heal(world: World) -> None:
    """All is well again, and at once there is enough traffic to decide by."""
    world.rate = 3000
    world.metrics.up, world.fail_next_apply, world.lose_next_status = True, None, False
    world.dead.clear()


def resume_until_rest(world: World) -> None:
    """What a person would do who wants it to go on."""
    for number in range(20):
        for _ in range(400):
            world.tick()
            if world.at_rest() or world.status.paused:
                break
        if world.status.paused == "Concluded" or (world.at_rest() and not world.status.paused):
            break
        if world.status.paused:
            world.command("resume", f"resume-{number}")
    world.until(World.at_rest, limit=1500)


TIMEOUTS = Metric("timeouts", Proportion("t{$(selector)}", "n{$(selector)}"), threshold=Bounds(max=Decimal("0.2")))
SCORE = Metric(
    "score",
    mean=Mean("n{$(selector)}", "s{$(selector)}", "q{$(selector)}", Decimal(0), Decimal(1)),
    stable=AgainstStable(max_decrease=Decimal("0.3")),
)


@st.composite
def specs(draw: st.DrawFn) -> RolloutSpec:
    """The spec of the world with features of the analysis switched on at random."""
    errors = replace(
        ERRORS,
        stable=draw(st.sampled_from([ERRORS.stable, AgainstStable(max_ratio=Decimal("1.5"))])),
        stable_limit=draw(st.sampled_from([None, StableLimit(Decimal("0.4"))])),
        required_for=draw(st.sampled_from(RequiredFor)),
        limits=Limits(error=draw(st.sampled_from([None, 4])), inconclusive=draw(st.sampled_from([None, 200]))),
        during=draw(st.sampled_from([ERRORS.during, (During.SHADOW, During.CANARY, During.BAKE)])),
    )
    others = draw(st.lists(st.sampled_from([TIMEOUTS, SCORE]), unique=True))
    late = draw(st.sampled_from([timedelta(0), timedelta(seconds=15)]))
    analysis = replace(
        SPEC.analysis,
        metrics=(errors, *(replace(metric, horizon=late) for metric in others)),
        on_no_data=draw(st.sampled_from([OnNoData.HOLD, OnNoData.PAUSE])),
        no_data_grace=timedelta(minutes=1),
        initial_delay=draw(st.sampled_from([timedelta(0), timedelta(seconds=7)])),
    )
    strategy = STRATEGIES[draw(st.sampled_from(sorted(STRATEGIES)))]
    holdback = draw(st.sampled_from([None, Holdback(10, HOLD)]))
    promotion = replace(SPEC.promotion, holdback=holdback)
    return of_strategy(replace(SPEC, analysis=analysis, promotion=promotion), strategy)


def make_healthy(world: World) -> None:
    world.tester_share = AB_TEST.audience.percent / 100
    for version in ("v1", "v2", "v3"):
        world.error_rate.setdefault(version, 0.02)
        world.metrics.rates |= {("timeouts", version): 0.01, ("score", version): 0.8}
        # What is newer sells more.
        world.metrics.rates["conversion", version] = 0.1 * int(version.removeprefix("v"))
