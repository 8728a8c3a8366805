"""Triggers that tell people and start nothing."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.retraining.builders import NOW, TRIGGER, counts, policy
from tests.retraining.passes import BAD, GOOD, after, condition, fired, look

from modelwright.api.triggers import Action

LATER = NOW + timedelta(minutes=20)
NOTICE = replace(TRIGGER, action=Action.NOTIFY)


def test_it_fires_in_status_and_as_news_and_no_run_is_created() -> None:
    plan = fired(policy(triggers=(NOTICE,)))
    assert [status.verdict for status in plan.status.triggers] == ["Firing"]
    assert plan.create_run is None
    assert [(event.type, event.reason) for event in plan.events] == [("Warning", "TriggerFiring")]
    assert condition(plan, "Retraining") == ("False", "NotTriggered")


def test_it_is_told_once_as_long_as_it_fires_and_again_when_it_fires_again() -> None:
    subject = policy(triggers=(NOTICE,))
    first = fired(subject)
    again = look(after(subject, first), LATER, counts(*BAD))
    assert again.events == ()
    calm = look(after(subject, again), LATER + timedelta(minutes=1), counts(*GOOD))
    pending = look(after(subject, calm), LATER + timedelta(minutes=2), counts(*BAD))
    once_more = look(after(subject, pending), LATER + timedelta(minutes=12), counts(*BAD))
    assert [event.reason for event in once_more.events] == ["TriggerFiring"]


def test_a_trigger_beside_it_still_starts_its_run_on_its_own_evidence() -> None:
    plan = fired(policy(triggers=(NOTICE, replace(TRIGGER, name="accuracy-too"))))
    assert plan.create_run is not None
    assert [evidence.trigger for evidence in plan.create_run.spec.evidence] == ["accuracy-too"]
