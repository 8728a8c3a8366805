"""What the platform allows all rollouts together: read from the operator's configuration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from modelwright.api.fields import Fields
from modelwright.metrics.credentials import refuse_unknown


@dataclass(frozen=True)
class RolloutLimits:
    """`concurrent` is how many rollouts may be under way in one namespace at once, 0 for any number."""

    concurrent: int = 0


def parse_rollout_limits(configuration: Mapping[str, Any]) -> RolloutLimits:
    """The section `rolloutLimits`. Raises InvalidSpec with the path of the field that has to change."""
    fields = Fields(configuration, "").section_or_empty("rolloutLimits")
    refuse_unknown(fields, ("concurrentPerNamespace",))
    concurrent = fields.integer("concurrentPerNamespace", 0)
    if concurrent < 0:
        raise fields.refuse("concurrentPerNamespace", f"must not be below 0, found {concurrent}")
    return RolloutLimits(concurrent)
