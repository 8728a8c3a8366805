"""Fires when there is more to learn from: rows that came since the last run, or a changed object.

A trigger that is new counts from its first look: what was there before is no news.
"""

from __future__ import annotations

import hashlib
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
from modelwright.retraining.plan.triggers.seen import ERROR, FIRING, NO_DATA, QUIET, TriggerSeen, View

LOOK_AGAIN = timedelta(seconds=30)
DIGEST_LENGTH = 16
NONE = "none"


def look_at(view: View, name: str, data: Data, path: str) -> TriggerSeen:
    if data.config_map:
        return _changed(view, name, data)
    return _grown(view, name, data, path)


def _changed(view: View, name: str, data: Data) -> TriggerSeen:
    """Not watched: it is read again in every pass, and at least each half minute."""
    bound, wake_at = f"ConfigMap {data.config_map}, key {data.key}", view.now + LOOK_AGAIN
    before = view.before(name)
    known = before.handled if before and before.bound == bound else ""
    started = [
        each.occasion
        for run in sorted(view.runs, key=lambda run: -run.spec.number)
        for each in run.spec.evidence
        if (each.trigger, each.bound) == (name, bound)
    ]
    handled = started[0] if started else known
    text = view.config_maps.get((data.config_map, data.key))
    if text is None:
        message = f"there is no {bound} in namespace {view.policy.namespace}"
        status = TriggerStatus(name, NO_DATA, "ObjectMissing", message, bound=bound, handled=handled)
        return TriggerSeen(status, wake_at=wake_at)
    found = hashlib.sha256(text.encode()).hexdigest()[:DIGEST_LENGTH]
    if not handled or found == handled:
        status = TriggerStatus(name, QUIET, "Unchanged", f"as it was: {found}", found, bound, handled=found)
        return TriggerSeen(status, wake_at=wake_at)
    if view.passes_over:
        message = f"it changed to {found} while a run was unfinished"
        return TriggerSeen(TriggerStatus(name, QUIET, "Skipped", message, found, bound, handled=found), wake_at=wake_at)
    status = TriggerStatus(name, FIRING, "Changed", f"changed to {found}", found, bound, handled=handled)
    evidence = Evidence(name, view.now.replace(microsecond=0), bound, found, bound, occasion=found)
    return TriggerSeen(status, evidence=evidence, wake_at=wake_at)


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
