"""Profiles: named sets of metrics in the platform's configuration, so that many models do not copy them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelwright.api.fields import Fields
from modelwright.api.metrics import Metric
from modelwright.api.parsing.metrics import guardrail
from modelwright.errors import InvalidSpec
from modelwright.metrics.credentials import refuse_unknown
from modelwright.named import by_name

Profiles = Mapping[str, tuple[Metric, ...]]

# Those of a metric of spec.analysis.metrics. There the API server knows them; nobody checks this file but us.
_METRIC = (
    *("name", "preset", "server", "slowerThan", "proportion", "mean", "value", "compare", "fastLimit", "stableLimit"),
    *("labels", "during", "requiredFor", "limits", "mode"),
)


def parse_profiles(configuration: Mapping[str, Any]) -> Profiles:
    """`metricProfiles` by name: metrics as a spec has them. Raises InvalidSpec with the path of what has to change."""
    found = by_name(configuration, "metricProfiles", _profile, "profiles")
    return {name: profile.metrics for name, profile in found.items()}


@dataclass(frozen=True)
class _Profile:
    name: str
    metrics: tuple[Metric, ...]


def _profile(fields: Fields) -> _Profile:
    refuse_unknown(fields, ("name", "metrics"))
    name = fields.text("name")
    if not name:
        raise fields.refuse("name", "must not be empty")
    metrics: dict[str, Metric] = {}
    for section in fields.some_sections("metrics"):
        refuse_unknown(section, _METRIC)
        metric = guardrail(section)
        if metric.name in metrics:
            raise section.refuse("name", f"two metrics of the profile are named {metric.name!r}")
        metrics[metric.name] = metric
    return _Profile(name, tuple(metrics.values()))


def profile_named(name: str, profiles: Profiles, path: str = "spec.analysis.profile") -> tuple[Metric, ...]:
    """The metrics of the profile `name`. Raises InvalidSpec at `path` with the known ones."""
    if name not in profiles:
        known = ", ".join(sorted(profiles)) or "none"
        raise InvalidSpec(path, f"metric profile {name!r} is not configured; known are {known}")
    return profiles[name]


def merge(profile: tuple[Metric, ...], spec: tuple[Metric, ...]) -> tuple[Metric, ...]:
    """Both by name, in the order of the profile, then of the spec. A metric of the spec replaces one of its name whole:
    half a metric of each would be a comparison that nobody wrote."""
    merged = {metric.name: metric for metric in profile} | {metric.name: metric for metric in spec}
    return tuple(merged.values())
