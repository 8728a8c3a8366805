"""One look at the triggers of a policy, whatever their shapes."""

from __future__ import annotations

from modelwright.api.triggers import Trigger
from modelwright.retraining.plan.triggers import after, data, metric, rearming, received, schedule, together
from modelwright.retraining.plan.triggers.seen import TriggerSeen, View


def look_at_all(view: View) -> tuple[TriggerSeen, ...]:
    """The triggers of the policy as they stand now, in its order. InvalidSpec for what cannot work as written."""
    triggers = view.policy.spec.triggers
    looks = {
        trigger.name: _look_at(view, trigger, index) for index, trigger in enumerate(triggers) if not trigger.all_of
    }
    for trigger in triggers:
        if trigger.all_of:
            looks[trigger.name] = together.look_at(view, trigger.name, trigger.all_of, looks)
    return tuple(rearming.held(view, trigger, looks[trigger.name]) for trigger in triggers)


def _look_at(view: View, trigger: Trigger, index: int) -> TriggerSeen:
    """The `index`-th trigger of the policy, which is not made of others."""
    if trigger.schedule:
        return schedule.look_at(view, trigger.name, trigger.schedule)
    if trigger.data:
        return data.look_at(view, trigger.name, trigger.data, f"spec.triggers[{index}]")
    if trigger.after:
        return after.look_at(view, trigger.name, trigger.after, f"spec.triggers[{index}]")
    if trigger.event or trigger.alert:
        return received.look_at(view, trigger.name)
    return together.remembered(view, view.policy.spec.triggers, trigger.name, metric.look_at(view, trigger, index))
