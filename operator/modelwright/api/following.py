"""Whom a rollout follows that names no model of its own."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class WhenNewer(StrEnum):
    FINISH_CURRENT = "FinishCurrent"
    SUPERSEDE = "Supersede"


@dataclass(frozen=True)
class PromotedIn:
    """The stable model of another ModelRollout in the namespace, once it has served there for so long."""

    name: str
    after_promoted_for: timedelta = timedelta(0)


@dataclass(frozen=True)
class MlflowAlias:
    """The version that `alias` names in a model registry of the platform."""

    model: str
    alias: str
    registry: str = "default"


@dataclass(frozen=True)
class ModelFrom:
    """Whom to follow: exactly one of a RetrainPolicy ("" for none), another rollout, and an alias."""

    retrain_policy: str = ""
    when_newer: WhenNewer = WhenNewer.FINISH_CURRENT
    model_rollout: PromotedIn | None = None
    mlflow: MlflowAlias | None = None
