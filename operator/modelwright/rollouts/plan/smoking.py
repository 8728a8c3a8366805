"""The smoke check of a candidate that has no traffic yet: its pods reproduce what its evaluation said."""

from __future__ import annotations

from enum import StrEnum

from modelwright.api.rollout import Arm, Candidate, SmokeCheck
from modelwright.rollouts.plan.draft import Draft, Mood
from modelwright.smoke.questions import Differs, NotChecked, Reproduced, SmokeQuestion
from modelwright.traffic.route import Split

PODS = 3
"""How many pods are asked: all have the same image and the same model."""


class Checked(StrEnum):
    PASSED = "Passed"
    FAILED = "Failed"
    OPEN = "Open"


def smoke_check(draft: Draft, arm: Arm | Candidate) -> tuple[Checked, str]:
    """What the check of `arm` found, and why. While it is open the headline says what is awaited.

    Only what came out of a RetrainRun has predictions to reproduce. What serves already is past it.
    """
    if not _is_due(draft, arm):
        return Checked.PASSED, ""
    question = _question(draft, arm)
    answer = draft.seen.answers.get(question) if question else None
    found = answer.value if answer else None
    if isinstance(found, Reproduced):
        return Checked.PASSED, f"{found.rows} golden rows are reproduced"
    if isinstance(found, Differs):
        return Checked.FAILED, found.message
    version = arm.model.version
    if isinstance(found, NotChecked):
        draft.say(Mood.HOLDING, "SmokeCheckUnanswered", f"{version} gets no traffic yet: {found.message}")
    elif draft.seen.golden is None or draft.seen.golden.retrain_run != arm.retrain_run:
        says = f"RetrainRun '{arm.retrain_run}' and its evaluation are not there"
        draft.say(Mood.HOLDING, "SmokeCheckUnanswered", f"{version} gets no traffic yet: {says}")
    else:
        draft.say(Mood.MOVING, "SmokeCheck", f"the pods of {version} are asked for the golden rows")
    return Checked.OPEN, ""


def questions(draft: Draft) -> tuple[SmokeQuestion, ...]:
    """Asked from the moment in which pods are ready, until there is traffic."""
    candidate = draft.status.candidate
    question = _question(draft, candidate) if candidate and _is_due(draft, candidate) else None
    return (question,) if question else ()


def _is_due(draft: Draft, arm: Arm | Candidate) -> bool:
    wanted = draft.spec.promotion.smoke_check is SmokeCheck.GOLDEN_ROWS
    return wanted and bool(arm.retrain_run) and draft.given == Split()


def _question(draft: Draft, arm: Arm | Candidate) -> SmokeQuestion | None:
    golden = draft.seen.golden
    addresses = draft.seen.addresses.get(arm.revision, ())[:PODS]
    if golden is None or golden.retrain_run != arm.retrain_run or not addresses:
        return None
    name = draft.seen.rollout.name
    return SmokeQuestion(name, arm.revision, golden.server, golden.uri, golden.digest, addresses)
