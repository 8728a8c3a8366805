"""Which triggers of a policy an occurrence concerns, and the policy's list of events with it in. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from modelwright.api.policy import ReceivedEvent, RetrainPolicy
from modelwright.api.triggers import AlertTrigger, EventTrigger, Trigger
from modelwright.receiving.formats import Occurrence

MOST = 100
"""Events that a policy keeps: those that no run was started for yet, and the newest others, to know them again."""


@dataclass(frozen=True)
class Full(Exception):
    """The policy has as many events waiting as it can keep: none may be lost, so no more are taken."""


def concerned(policy: RetrainPolicy, occurrence: Occurrence) -> tuple[str, ...]:
    """The names of the triggers that `occurrence` is an occasion for."""
    return tuple(trigger.name for trigger in policy.spec.triggers if _matches(trigger, occurrence))


def with_occurrences(
    policy: RetrainPolicy, occurrences: Iterable[Occurrence], now: datetime
) -> tuple[ReceivedEvent, ...]:
    """The policy's events, with those of `occurrences` that are news. Raises Full rather than forget one that waits."""
    events = list(policy.status.events)
    for occurrence in occurrences:
        for trigger in concerned(policy, occurrence):
            if not any((known.trigger, known.id) == (trigger, occurrence.id) for known in events):
                events.append(ReceivedEvent(trigger, occurrence.id, occurrence.type, now, occurrence.source))
    while len(events) > MOST:
        handled = next((event for event in events if event.run), None)
        if handled is None:
            raise Full
        events.remove(handled)
    return tuple(events)


def _matches(trigger: Trigger, occurrence: Occurrence) -> bool:
    if trigger.alert and occurrence.is_alert:
        return _is_alert(trigger.alert, occurrence)
    return bool(trigger.event and not occurrence.is_alert and _is_event(trigger.event, occurrence))


def _is_alert(wanted: AlertTrigger, occurrence: Occurrence) -> bool:
    return all(occurrence.labels.get(label.name, "") == label.value for label in wanted.labels)


def _is_event(wanted: EventTrigger, occurrence: Occurrence) -> bool:
    return wanted.type == occurrence.type and wanted.source in ("", occurrence.source)
