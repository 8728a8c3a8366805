"""What people decided about a rollout, as its status keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from modelwright.api.models import Model

PIN, ROLLBACK = "pin", "rollback"


@dataclass(frozen=True)
class Pin:
    """The revision that a person holds the rollout to: automation does not move it until `unpin`. `verb` says how."""

    revision: str
    model: Model
    verb: str  # pin | rollback
    at: datetime
    actor: str = ""


class Waived(StrEnum):
    """What a rollout under way is spared."""

    STEPS = "Steps"  # it goes back to a revision within the rollback window
    STEPS_AND_BAKE = "StepsAndBake"  # a person said promote-full


@dataclass(frozen=True)
class Shortcut:
    """Why the rollout under way does not take all of its steps, and who said so ("" where the spec did)."""

    waived: Waived
    at: datetime
    actor: str = ""
