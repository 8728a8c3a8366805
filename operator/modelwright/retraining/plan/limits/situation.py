"""What limits look at, and what it means to be held back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from modelwright.api.policy import RejectedModel, RetrainPolicy
from modelwright.api.rollout import ModelRollout
from modelwright.api.run import RetrainRun


@dataclass(frozen=True)
class Hold:
    """`until` is when it passes by itself, None when something has to happen."""

    reason: str
    message: str
    until: datetime | None = None


@dataclass(frozen=True)
class Situation:
    """`run` is the one that waits, None when a trigger asks for a new one. `runs` are all of the policy's, `rivals`
    the unfinished ones of other policies that retrain the same model.

    `replaces`: what fires ends unfinished runs. `new_rows` came since the last run.
    """

    policy: RetrainPolicy
    runs: tuple[RetrainRun, ...]
    follower: ModelRollout | None
    now: datetime
    run: RetrainRun | None = None
    rivals: tuple[RetrainRun, ...] = ()
    replaces: bool = False
    new_rows: float = 0
    rejected: tuple[RejectedModel, ...] = ()
    planned_recipe: str | None = ""

    @property
    def others(self) -> tuple[RetrainRun, ...]:
        """The policy's runs but for the one that waits."""
        return tuple(run for run in self.runs if self.run is None or run.name != self.run.name)


Limit = Callable[[Situation], Hold | None]
