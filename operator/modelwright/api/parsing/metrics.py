"""Reading metrics: guardrails of a rollout, and the shapes and bounds that triggers and gate checks share with them."""

from __future__ import annotations

from modelwright.api.fields import Fields
from modelwright.api.metrics import (
    AgainstStable,
    Bounds,
    FastLimit,
    Metric,
    Mode,
    Proportion,
    RequiredFor,
    Value,
)
from modelwright.api.presets import COMPARISON, PROPORTIONS, Preset


def proportion(fields: Fields) -> Proportion:
    return Proportion(fields.text("events"), fields.text("total"))


def windowed_proportion(fields: Fields) -> Proportion:
    """As triggers have it: without a rollout there is no beginning to count from, so the window must be given."""
    return Proportion(fields.text("events"), fields.text("total"), fields.duration("window"))


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
    shape = fields.exactly_one("preset", "proportion", "value")
    threshold, stable = _comparison(fields, shape)
    limit, limits = fields.maybe_section("fastLimit"), fields.maybe_section("limits")
    if limit and shape == "value":
        raise fields.refuse("fastLimit", "must go with `proportion` or `preset`; a `value` counts no events")
    if limits and threshold is None:
        raise fields.refuse(
            "limits", "must go with `compare.threshold`; a comparison with stable decides at the first Fail"
        )
    return Metric(
        name=fields.text("name"),
        proportion=_proportion_of(fields, shape),
        value=value(fields.section("value")) if shape == "value" else None,
        stable=stable,
        threshold=threshold,
        fast_limit=FastLimit(limit.decimal("max"), limit.integer("minEvents")) if limit else None,
        required_for=fields.choice("requiredFor", RequiredFor, Metric.required_for),
        mode=fields.choice("mode", Mode, Metric.mode),
        consecutive_failures=limits.integer("fail") if limits else Metric.consecutive_failures,
    )


def _proportion_of(fields: Fields, shape: str) -> Proportion | None:
    if shape == "preset":
        return PROPORTIONS[fields.choice("preset", Preset)]
    return proportion(fields.section("proportion")) if shape == "proportion" else None


def _comparison(fields: Fields, shape: str) -> tuple[Bounds | None, AgainstStable | None]:
    if shape == "preset" and not fields.has("compare"):
        return None, COMPARISON
    compare = fields.section("compare")
    if compare.exactly_one("stable", "threshold") == "threshold":
        return bounds(compare.section("threshold")), None
    if shape == "value":
        raise compare.refuse("stable", "must go with `proportion` or `preset`; a `value` carries no uncertainty")
    stable = compare.section("stable")
    stable.exactly_one("maxIncrease", "maxDecrease")
    return None, AgainstStable(stable.maybe_decimal("maxIncrease"), stable.maybe_decimal("maxDecrease"))
