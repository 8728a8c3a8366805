"""What a rollout's status remembers of its error rate: how much was given away, and to which test."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class ErrorShare:
    """One metric's test in the running stretch of evidence. `part` is a decimal part of errorRate, 1 being all of it.

    `judged` names what is counted and by which bounds: after an edit it is another test. `since` is when that began,
    None together with the stretch.
    """

    metric: str
    judged: str
    part: str
    since: datetime | None = None


@dataclass(frozen=True)
class ErrorSpending:
    """`planned` is the decimal part that planned stretches have been given, `unplanned` how often others were.

    `nearest` is how near to 100 % evidence has begun so far, in stretches. `chances` counts the stretches in which a
    Pass leads to 100 %, of which `chance` is the newest. `shares` are those of stretch `stretch`.
    """

    stretch: int
    nearest: int
    planned: str = "0"
    unplanned: int = 0
    chances: int = 0
    chance: int = 0
    shares: tuple[ErrorShare, ...] = ()
