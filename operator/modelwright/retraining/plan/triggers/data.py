"""Fires when there is more to learn from: rows that came since the last run, or a changed object.

A trigger that is new counts from its first look: what was there before is no news.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from modelwright.analysis.verdict import Verdict
from modelwright.api.policy import TriggerStatus
from modelwright.api.run import Evidence
from modelwright.api.triggers import Data
from modelwright.cluster.answers import Answer
from modelwright.metrics.configuration import source_for
from modelwright.metrics.questions import NoLook, ValueLook, ValueQuestion
from modelwright.metrics.variables import render
from modelwright.retraining.plan import lineage
from modelwright.retraining.plan.triggers import changed
from modelwright.retraining.plan.triggers.seen import ERROR, FIRING, NO_DATA, QUIET, TriggerSeen, View

LOOK_AGAIN = timedelta(seconds=30)
NONE = "none"


def look_at(view: View, name: str, data: Data, path: str) -> TriggerSeen:
    """Whichever of its kinds it is. InvalidSpec for what cannot work as written."""
    return _grown(view, name, data, path) if data.query else changed.look_at(view, name, data, path)


def _grown(view: View, name: str, data: Data, path: str) -> TriggerSeen:
    """`handled` is the newest run and the value at the first look after it: any run learns from all rows."""
    source = source_for(view.policy.namespace, data.source, view.sources, f"{path}.data.source")
    variables = {"namespace": view.policy.namespace, "name": view.policy.name}
    query = render(data.query, variables, path=f"{path}.data.query")
    question = ValueQuestion(data.source, name, "data", query, "", max(source.scrape_interval, LOOK_AGAIN))
    bound, before = f"grown by {data.grown_by}", view.before(name)
    known = before.handled if before and before.bound == bound else ""
    answer = view.answers.get(question)
    newest = lineage.newest(view.runs)
    last = newest.name if newest else NONE
    run, _, start = known.rpartition("=")
    if answer is None and before and known:
        return TriggerSeen(before, question)
    if answer is None or not isinstance(answer.value, ValueLook):
        status = TriggerStatus(name, NO_DATA, "NotLookedYet", "not looked at yet", bound=bound, handled=known)
        return _no_look(status, question, answer)
    value = answer.value.value
    fresh = newest is None or newest.created_at is None or answer.started_at >= newest.created_at
    if not known or value < float(start) or (run != last and fresh):
        run, start, known = last, f"{value:.17g}", f"{last}={value:.17g}"
    grown = value - float(start) if run == last else 0
    if grown < data.grown_by:
        message = f"counting from {float(start):.15g}"
        status = TriggerStatus(name, QUIET, "Counting", message, bound=bound, handled=known)
        return TriggerSeen(status, question, grown=grown, marker=f"{value:.17g}")
    shown = f"{grown:.15g}"
    status = TriggerStatus(name, FIRING, "Grown", f"{shown} since the last run", shown, bound, handled=known)
    if before and (before.reason, before.handled) == ("Grown", known):
        status = before
    evidence = Evidence(name, answer.started_at, query, shown, bound, samples=int(grown))
    return TriggerSeen(status, question, evidence=evidence, grown=grown, marker=f"{value:.17g}")


def _no_look(status: TriggerStatus, question: ValueQuestion, answer: Answer | None) -> TriggerSeen:
    look = answer.value if answer else None
    if isinstance(look, NoLook):
        verdict = NO_DATA if look.verdict is Verdict.NO_DATA else ERROR
        status = replace(status, verdict=verdict, reason=str(look.reason), message=look.message)
        return TriggerSeen(status, question, broken=look.message if look.permanent else "")
    if look is not None:
        message = f"the source failed: {type(look).__name__}"
        status = replace(status, verdict=ERROR, reason="SourceFailed", message=message)
    return TriggerSeen(status, question)
