"""Whose past a comparison with history is: which revision was stable when, and when rollouts were under way.

A status remembers its last rollouts only. What lies before the oldest promotion that it knows has no owner, and is no
part of the past.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from modelwright.analysis.history import Span
from modelwright.api.rollout import RolloutStatus

PROMOTED = "Promoted"


@dataclass(frozen=True)
class Reign:
    """A revision was stable from `since` until `until`; None is since ever, and until now."""

    revision: str
    version: str
    since: datetime | None = None
    until: datetime | None = None


def reigns(status: RolloutStatus) -> tuple[Reign, ...]:
    """The newest first. A stable revision that was never promoted, as the first one may be, was there since ever."""
    if status.stable is None:
        return ()
    found: list[Reign] = []
    until: datetime | None = None
    for entry in status.history:
        if entry.result == PROMOTED:
            found.append(Reign(entry.revision, entry.version, entry.at, until))
            until = entry.at
    stable = status.stable
    if not found:
        return (Reign(stable.revision, stable.model.version),)
    if found[0].revision != stable.revision:
        # Somebody else made it stable, at a time that nobody wrote down.
        return (Reign(stable.revision, stable.model.version, found[0].since),)
    return tuple(found)


def rollouts(status: RolloutStatus, now: datetime) -> tuple[Span, ...]:
    """When a candidate had, or could have had, a part of the traffic."""
    ended = [(entry.since or entry.at, entry.at) for entry in status.history]
    return (*ended, *([(status.began_at, now)] if status.began_at else ()))
