"""What `lint` foretells of a rollout that did not begin: how long each decision takes at some traffic, and how small a
difference it can find. Decides nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from modelwright.analysis.alpha import Allocation
from modelwright.analysis.blocks import BLOCK
from modelwright.analysis.bounded import surely_within
from modelwright.analysis.counts import Counts
from modelwright.analysis.evidence import Evidence
from modelwright.analysis.forecast import Traffic, samples_until_pass, smallest_difference
from modelwright.analysis.goal_forecast import smallest_increase
from modelwright.analysis.mean_forecast import (
    MeanTraffic,
    Measured,
    samples_until_mean_passes,
    smallest_difference_of_means,
    smallest_increase_of_means,
)
from modelwright.analysis.means import MeanEvidence
from modelwright.analysis.numbers import counted, shown, signed
from modelwright.analysis.weekly import WEEK
from modelwright.api.durations import format_duration
from modelwright.api.goals import WholeWeeks
from modelwright.api.metrics import Bounds, During, Metric, Mode
from modelwright.api.rollout import RolloutSpec
from modelwright.rollouts.plan.course import Leg, audience_of, course_of
from modelwright.rollouts.plan.forecast import FARTHEST, about
from modelwright.rollouts.plan.margins import margin_of
from modelwright.rollouts.plan.spending import allocation


@dataclass(frozen=True)
class Expected:
    """What both arms of a healthy rollout count together: `per_second` observations, of which `share` are events.

    Of a mean it is `measured`, in the metric's unit.
    """

    per_second: float
    share: float = 0.0
    measured: Measured | None = None


def assumed(spec: RolloutSpec, per_second: float, share: float, deviation: float) -> dict[str, Expected]:
    """By metric, where nobody asked what there is. `deviation` is that of means, whose mean is the middle of their
    bounds, as a part of the width of these. Raises ValueError for numbers that are none."""
    if per_second <= 0 or not 0 <= share <= 1 or not 0 <= deviation <= 0.5:
        found = f"found {per_second}, {share} and {deviation}"
        raise ValueError(f"needs requests, a share of events, and a deviation of at most half the bounds, {found}")
    expected = {}
    for metric in spec.analysis.metrics:
        measured = None
        if metric.mean:
            low, high = float(metric.mean.min), float(metric.mean.max)
            measured = Measured((low + high) / 2, (deviation * (high - low)) ** 2)
        expected[metric.name] = Expected(per_second, share, measured)
    return expected


def how_long(spec: RolloutSpec, expected: Mapping[str, Expected]) -> list[str]:
    """A line for each deciding metric and leg in which it is compared; metrics that are not `expected` are left out."""
    alpha, lines = allocation(spec), []
    for metric in spec.analysis.metrics:
        coming = expected.get(metric.name)
        if metric.mode is not Mode.DECIDE or metric.value is not None or coming is None or coming.per_second <= 0:
            continue
        if metric.goal:
            lines += _goal_by_the_end(spec, metric, coming, alpha)
            continue
        for number, leg in enumerate(course_of(spec).legs, 1):
            what, arms = _arms(spec, metric, leg, coming.per_second)
            if arms:
                said = ", ".join(_of_leg(metric, leg.hold, arms, coming, alpha))
                place = "holdback" if leg.is_holdback else f"step {number}"
                lines.append(f"{place} ({what}, {format_duration(leg.hold)}), {metric.name}: {said}")
        if metric.threshold and During.BAKE in metric.during:
            bake_time = course_of(spec).bake_time
            said = ", ".join(_of_leg(metric, bake_time, (0.0, coming.per_second), coming, alpha))
            lines.append(f"bake (100 %, {format_duration(bake_time)}), {metric.name}: {said}")
    return lines


def _arms(spec: RolloutSpec, metric: Metric, leg: Leg, per_second: float) -> tuple[str, tuple[float, float] | None]:
    """What a leg gives the candidate, and what stable and candidate then count per second; None if it is not due.

    How many testers come is nobody's to foretell.
    """
    split, audience = leg.split, audience_of(spec, leg.split)
    if leg.is_pause:
        return "", None
    if split.weight or audience:
        share = (split.weight or audience) / 100
        due = (During.HOLDBACK if leg.is_holdback else During.CANARY) in metric.during
        what = f"{split.weight} %" if split.weight else f"{audience} % of the audience"
        return what, (per_second * (1 - share), per_second * share) if due else None
    if split.mirror and During.SHADOW in metric.during:
        return f"copies of {split.mirror} %", (per_second, per_second * split.mirror / 100)
    return "", None


def _of_leg(
    metric: Metric, hold: timedelta, arms: tuple[float, float], coming: Expected, alpha: Allocation
) -> Iterator[str]:
    stable, candidate = arms
    samples, held = _samples(metric, stable / candidate, coming, alpha), max(hold - metric.horizon, timedelta(0))
    late = f", labels included {format_duration(metric.horizon)}" if metric.horizon else ""
    if samples is None:
        yield f"never passes at {_healthy(coming)}"
    else:
        needed = metric.horizon.total_seconds() + samples / candidate
        observed = "measurements of the candidate" if metric.mean else "candidate requests"
        yield f"passes after {counted(samples)} {observed}, about {about(needed)}{late}"
    if metric.stable:
        found = _difference(
            metric, stable / candidate, coming, alpha, int(candidate * held.total_seconds()), held // BLOCK
        )
        yield f"finds {f'a difference of {signed(found)}' if found is not None else 'no difference'} within its hold"


def _healthy(coming: Expected) -> str:
    if coming.measured is None:
        return f"a base rate of {coming.share:g}"
    return f"a deviation of {shown(coming.measured.variance**0.5)}"


def _samples(metric: Metric, ratio: float, coming: Expected, alpha: Allocation) -> int | None:
    if metric.stable and metric.mean and coming.measured:
        traffic = MeanTraffic(coming.measured, coming.measured, ratio)
        return samples_until_mean_passes(_nothing(metric), margin_of(metric.stable), alpha, traffic=traffic)
    if metric.stable:
        proportions = Traffic(coming.share, coming.share, ratio)
        return samples_until_pass(Evidence(), margin_of(metric.stable), alpha, traffic=proportions)
    return _samples_within(metric.threshold, coming.share, alpha) if metric.threshold else 0


def _difference(
    metric: Metric, ratio: float, coming: Expected, alpha: Allocation, samples: int, blocks: int
) -> float | None:
    assert metric.stable is not None
    margin = margin_of(metric.stable)
    if metric.mean and coming.measured:
        traffic = MeanTraffic(coming.measured, coming.measured, ratio)
        return smallest_difference_of_means(
            _nothing(metric), traffic, margin, alpha, candidate_samples=samples, blocks=blocks
        )
    proportions = Traffic(coming.share, coming.share, ratio)
    return smallest_difference(proportions, margin, alpha, candidate_samples=samples, blocks=blocks)


def _samples_within(bounds: Bounds, base_rate: float, alpha: Allocation) -> int | None:
    """By doubling: good to a factor of two, as a forecast of a threshold needs no more."""
    total = 1
    while total < FARTHEST:
        if surely_within(Counts(round(total * base_rate), total), bounds, alpha.pass_):
            return total
        total *= 2
    return None


def _goal_by_the_end(spec: RolloutSpec, metric: Metric, coming: Expected, alpha: Allocation) -> list[str]:
    """One line, if both arms together count so many users or sessions."""
    test, goal = spec.ab_test, metric.goal
    if test is None or goal is None:
        return []
    counted_for = test.max_duration - goal.ignore_first - metric.horizon
    if goal.whole_weeks is WholeWeeks.REQUIRED:
        counted_for = counted_for // WEEK * WEEK
    total = int(coming.per_second * max(counted_for.total_seconds(), 0.0))
    candidate = int(total * test.audience.percent / 100)
    arms = {"stable": total - candidate, "candidate": candidate}
    if metric.mean and coming.measured:
        found = smallest_increase_of_means(_nothing(metric), coming.measured, goal.min_increase, alpha, **arms)
    else:
        found = smallest_increase(coming.share, goal.min_increase, alpha, **arms)
    shows = f"an increase of {signed(found)} or more shows" if found is not None else "no increase shows"
    units = f"{counted(total)} {goal.unit.lower()}s"
    return [
        f"test ({test.audience.percent} %, {format_duration(test.max_duration)}), {metric.name}: {shows} with {units}"
    ]


def _nothing(metric: Metric) -> MeanEvidence:
    assert metric.mean is not None
    return MeanEvidence(float(metric.mean.min), float(metric.mean.max))
