"""One look at a trigger, whatever its shape."""

from __future__ import annotations

from modelwright.api.triggers import Trigger
from modelwright.retraining.plan.triggers import after, data, metric, received, schedule
from modelwright.retraining.plan.triggers.seen import TriggerSeen, View


def look_at(view: View, trigger: Trigger, index: int) -> TriggerSeen:
    """The `index`-th trigger of the policy as it stands now. InvalidSpec for what cannot work as written."""
    if trigger.schedule:
        return schedule.look_at(view, trigger.name, trigger.schedule)
    if trigger.data:
        return data.look_at(view, trigger.name, trigger.data, f"spec.triggers[{index}]")
    if trigger.after:
        return after.look_at(view, trigger.name, trigger.after, f"spec.triggers[{index}]")
    if trigger.event or trigger.alert:
        return received.look_at(view, trigger.name)
    return metric.look_at(view, trigger, index)
