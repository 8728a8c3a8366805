"""Runs that only score the champion again: drift is often broken data, and no reason to train on it.

What such a run finds decides whether the policy retrains: the floors of its gate, held against the champion on rows
that came after its own. What cannot be told starts nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from modelwright.analysis.verdict import Verdict
from modelwright.api.gate import Check, Gate
from modelwright.api.policy import Champion, RetrainPolicy
from modelwright.api.run import EvaluationSummary, Evidence, GateLine, Purpose, RetrainRun
from modelwright.api.triggers import Action
from modelwright.errors import InvalidSpec
from modelwright.kubeflow.questions import ReadResult
from modelwright.retraining.plan import lineage
from modelwright.retraining.plan.gate import GateInput, judge_champion
from modelwright.retraining.plan.run_steps import RunPlan, Step

HOLDS, FAILS, BROKEN_DATA, UNKNOWN = "ChampionHolds", "ChampionFails", "DataBroken", "ChampionUnknown"
FLOOR_NEEDED = "must have a check with `min`, `max` or `declaredSlices`: `action: Evaluate` decides by it"


def is_floor(check: Check) -> bool:
    """Whether a model meets it by itself, whatever it is compared with."""
    return check.bounds is not None or check.slices is not None


def check_floors(policy: RetrainPolicy) -> None:
    """InvalidSpec where a trigger evaluates and no floor says what the champion has to be worth."""
    wanted = any(trigger.action is Action.EVALUATE for trigger in policy.spec.triggers)
    if wanted and not any(is_floor(check) for check in policy.spec.gate.checks):
        raise InvalidSpec("spec.gate.checks", FLOOR_NEEDED)


def failed(runs: Iterable[RetrainRun], champion: Champion | None) -> tuple[Evidence, ...]:
    """Why to retrain: what the newest run was started for, if it found that the champion fails its floors."""
    newest = lineage.newest(runs)
    if newest is None or champion is None or newest.spec.purpose is not Purpose.EVALUATE:
        return ()
    condition = lineage.succeeded(newest)
    if condition is None or condition.reason != FAILS or newest.spec.champion != champion.model:
        return ()
    return tuple(replace(each, occasion=f"evaluation/{newest.name}") for each in newest.spec.evidence)


def conclude(step: Step, gate: Gate, champion: Champion | None, result: ReadResult) -> RunPlan:
    """What the evaluation says of the champion."""
    evaluation = result.evaluation
    lines = judge_champion(GateInput(step.run.uid, evaluation, "", champion, {}, gate))
    reason, message = _verdict(gate, lines)
    summary = EvaluationSummary(
        uri=step.run.status.pipeline_run.result_uri,
        digest=result.file_digest,
        samples=evaluation.evaluate.n,
        champion=evaluation.champion.digest if evaluation.champion else "",
        rows_digest=evaluation.evaluate.rows.digest,
        data=evaluation.train.digest,
    )
    if reason in (HOLDS, FAILS):
        return step.concludes(reason, message, gate=lines, evaluation=summary)
    return step.fails(reason, message, phase="Evaluated", gate=lines, evaluation=summary)


def _verdict(gate: Gate, lines: tuple[GateLine, ...]) -> tuple[str, str]:
    floors = {check.name for check in gate.checks if is_floor(check)}
    findings = {check.name for check in gate.checks if check.findings}
    told = [line for line in lines if line.verdict != Verdict.PASS]
    unfair = [line for line in told if line.check not in floors | findings]
    if unfair:
        return UNKNOWN, _said(unfair)
    if broken := [line for line in told if line.check in findings]:
        return BROKEN_DATA, f"nothing is trained on such data: {_said(broken)}"
    if missed := [line for line in told if line.verdict == Verdict.FAIL]:
        return FAILS, _said(missed)
    if told or not floors:
        return UNKNOWN, _said(told) if told else f"gate.checks {FLOOR_NEEDED}"
    return HOLDS, _said([line for line in lines if line.check in floors])


def _said(lines: Iterable[GateLine]) -> str:
    return "; ".join(f"{line.check}: {line.message}" for line in lines)
