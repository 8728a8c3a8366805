"""What each shape of trigger asks, and when it fires."""

from modelwright.retraining.plan.triggers.looking import look_at_all
from modelwright.retraining.plan.triggers.seen import TriggerSeen, View

__all__ = ["TriggerSeen", "View", "look_at_all"]
