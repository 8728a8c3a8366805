"""Conditions as Kubernetes, kstatus, Flux, Helm and Argo CD read them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime


@dataclass(frozen=True)
class Condition:
    """`status` is "True", "False" or "Unknown"; `reason` PascalCase, never empty; `message` holds no countdown."""

    type: str
    status: str
    reason: str
    message: str = ""
    observed_generation: int = 0
    last_transition_time: datetime | None = None


def carry_over(new: Iterable[Condition], old: Iterable[Condition], now: datetime) -> tuple[Condition, ...]:
    """`new`, each with the transition time of its old namesake where the status did not flip, else `now`."""
    before = {condition.type: condition for condition in old}

    def since(condition: Condition) -> datetime:
        known = before.get(condition.type)
        if known and known.status == condition.status and known.last_transition_time:
            return known.last_transition_time
        return now.replace(microsecond=0)

    return tuple(replace(condition, last_transition_time=since(condition)) for condition in new)
