"""Reading metrics: guardrails of a rollout, and the shapes and bounds that triggers and gate checks share with them."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from modelwright.api.fields import Fields
from modelwright.api.goals import Role
from modelwright.api.metrics import (
    AgainstStable,
    Bounds,
    During,
    FastLimit,
    History,
    Limits,
    Mean,
    Metric,
    Mode,
    Proportion,
    RequiredFor,
    Season,
    StableLimit,
    Value,
)
from modelwright.api.parsing.goals import goal, refuse_goals_fields
from modelwright.api.presets import COMPARISONS, Preset, Server, preset_proportion, requests

SEASONS = 8
"""Past seasons of an hour without which nobody knows what is usual."""

_DAYS = re.compile(r"[0-9]{1,3}d")


def proportion(fields: Fields) -> Proportion:
    return Proportion(fields.text("events"), fields.text("total"))


def windowed_proportion(fields: Fields) -> Proportion:
    """As triggers have it: without a rollout there is no beginning to count from, so the window must be given."""
    return Proportion(fields.text("events"), fields.text("total"), fields.duration("window"))


def windowed_mean(fields: Fields) -> Mean:
    """As `windowed_proportion`."""
    return replace(_mean(fields), window=fields.duration("window"))


def value(fields: Fields) -> Value:
    return Value(fields.text("query"), fields.text("samples", ""))


def bounds(fields: Fields) -> Bounds:
    """`min` and `max` of `fields`; at least one, and in their order."""
    found = Bounds(fields.maybe_decimal("min"), fields.maybe_decimal("max"))
    if found.min is None and found.max is None:
        raise fields.refuse("min", "must be set, or `max`, or both")
    if found.min is not None and found.max is not None and found.min >= found.max:
        raise fields.refuse("min", f"must be below `max`, found {found.min} and {found.max}")
    return found


def guardrail(fields: Fields) -> Metric:
    shape = fields.exactly_one("preset", "proportion", "mean", "value")
    if fields.choice("role", Role, Role.GUARDRAIL) is Role.GOAL:
        return _goal(fields, shape)
    refuse_goals_fields(fields, shape)
    threshold, stable, past = _comparison(fields, shape)
    fast = fields.maybe_section("fastLimit")
    stable_limit, labels = fields.maybe_section("stableLimit"), fields.maybe_section("labels")
    if shape in ("mean", "value"):
        for counting in ("fastLimit", "stableLimit"):
            if fields.has(counting):
                raise fields.refuse(counting, f"must go with `proportion` or `preset`; a `{shape}` counts no events")
    found_proportion, requests_of_server = _proportion_of(fields, shape)
    return Metric(
        name=fields.text("name"),
        proportion=found_proportion,
        mean=_mean(fields.section("mean")) if shape == "mean" else None,
        value=value(fields.section("value")) if shape == "value" else None,
        stable=stable,
        threshold=threshold,
        history=past,
        fast_limit=FastLimit(fast.decimal("max"), fast.integer("minEvents")) if fast else None,
        stable_limit=StableLimit(stable_limit.decimal("max")) if stable_limit else None,
        required_for=fields.choice("requiredFor", RequiredFor, Metric.required_for),
        mode=fields.choice("mode", Mode, Metric.mode),
        limits=_limits(fields, has_bounds=threshold is not None or past is not None),
        during=_during(fields, absolute=not stable or fast is not None),
        horizon=labels.duration("horizon") if labels else Metric.horizon,
        requests=requests_of_server,
    )


def _goal(fields: Fields, shape: str) -> Metric:
    found, harm = goal(fields, shape)
    labels = fields.maybe_section("labels")
    return Metric(
        name=fields.text("name"),
        proportion=proportion(fields.section("proportion")) if shape == "proportion" else None,
        mean=_mean(fields.section("mean")) if shape == "mean" else None,
        stable=harm,
        goal=found,
        during=(During.CANARY,),
        horizon=labels.duration("horizon") if labels else Metric.horizon,
    )


def _mean(fields: Fields) -> Mean:
    limits = fields.section("bounds")
    found = Mean(
        count=fields.text("count"),
        sum=fields.text("sum"),
        sum_of_squares=fields.text("sumOfSquares"),
        min=limits.decimal("min"),
        max=limits.decimal("max"),
    )
    if not 0 <= found.min < found.max:
        raise limits.refuse("max", f"must be above `min`, and `min` not below 0, found {found.min} and {found.max}")
    return found


def _limits(fields: Fields, *, has_bounds: bool) -> Limits:
    limits = fields.section_or_empty("limits")
    if limits.has("fail") and not has_bounds:
        raise limits.refuse(
            "fail", "must go with `compare.threshold`; a comparison with stable decides at the first Fail"
        )
    return Limits(
        fail=limits.integer("fail", Limits.fail),
        inconclusive=limits.maybe_integer("inconclusive"),
        error=limits.maybe_integer("error"),
    )


def _during(fields: Fields, *, absolute: bool) -> tuple[During, ...]:
    """Where stable has no traffic, or that of other people, only absolute bounds say anything.

    For the bake time what stable had shown before it is kept.
    """
    found = fields.choices("during", During) or Metric.during
    alone = [where for where in found if where in (During.PREVIEW, During.MATCH)]
    if fields.has("during") and alone and not absolute:
        raise fields.refuse("during", f"must not have {alone[0]} without a `threshold` or `fastLimit`")
    return found


def _proportion_of(fields: Fields, shape: str) -> tuple[Proportion | None, str]:
    """The counters, and the selector of all requests where a preset names a server."""
    if shape != "preset":
        for name in ("server", "slowerThan"):
            if fields.has(name):
                raise fields.refuse(name, "must go with `preset`")
        return (proportion(fields.section("proportion")) if shape == "proportion" else None), ""
    server = fields.choice("server", Server) if fields.has("server") else None
    preset = fields.choice("preset", Preset)
    found = preset_proportion(preset, server, fields.maybe_duration("slowerThan"), path=fields.path)
    return found, requests(server)


def _comparison(fields: Fields, shape: str) -> tuple[Bounds | None, AgainstStable | None, History | None]:
    if shape == "preset" and not fields.has("compare"):
        return None, COMPARISONS[fields.choice("preset", Preset)], None
    compare = fields.section("compare")
    against = compare.exactly_one("stable", "threshold", "history")
    if against == "history":
        if shape != "value":
            raise compare.refuse("history", f"must go with `value`, found `{shape}`")
        return None, None, history(compare.section("history"))
    if against == "threshold":
        if shape == "mean":
            raise compare.refuse("threshold", "must go with `proportion`, `preset` or `value`, found `mean`")
        return bounds(compare.section("threshold")), None, None
    if shape == "value":
        raise compare.refuse("stable", "must go with `proportion` or `preset`; a `value` carries no uncertainty")
    stable = compare.section("stable")
    stable.exactly_one("maxIncrease", "maxDecrease", "maxRatio", "minRatio")
    against_stable = AgainstStable(
        max_increase=stable.maybe_decimal("maxIncrease"),
        max_decrease=stable.maybe_decimal("maxDecrease"),
        max_ratio=_max_ratio(stable),
        min_ratio=_min_ratio(stable),
    )
    return None, against_stable, None


def history(fields: Fields) -> History:
    """A comparison with the past. Its window is in whole days, and holds eight seasons or more."""
    days = fields.text("window", f"{History.window.days}d")
    if not _DAYS.fullmatch(days):
        raise fields.refuse("window", f"must be a number of days such as '70d', found {days!r}")
    found = History(
        timedelta(days=int(days[:-1])),
        fields.choice("season", Season, History.season),
        fields.decimal("deviations", History.deviations),
    )
    if found.window < SEASONS * found.season.length:
        raise fields.refuse("window", f"must hold {SEASONS} seasons: at least 56d with Weekly, 8d with Daily")
    if found.window > timedelta(days=400):
        raise fields.refuse("window", f"must be at most 400d, found {days}")
    if found.deviations < 1:
        raise fields.refuse("deviations", f"must be at least 1, found {found.deviations}")
    return found


def _max_ratio(stable: Fields) -> Decimal | None:
    ratio = stable.maybe_decimal("maxRatio")
    if ratio is not None and ratio <= 1:
        raise stable.refuse("maxRatio", f"must be above 1, as identical models must pass, found {ratio}")
    return ratio


def _min_ratio(stable: Fields) -> Decimal | None:
    ratio = stable.maybe_decimal("minRatio")
    if ratio is not None and not 0 < ratio < 1:
        raise stable.refuse("minRatio", f"must be above 0 and below 1, as identical models must pass, found {ratio}")
    return ratio
