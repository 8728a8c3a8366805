"""A pipeline run has succeeded: read its evaluation, pass it through the gate, ask a person if need be."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from modelwright.analysis.verdict import Verdict
from modelwright.api.models import Model
from modelwright.api.policy import Champion, RetrainPolicy
from modelwright.api.rollout import ModelRollout
from modelwright.api.run import EvaluationSummary, GateLine, Purpose, RetrainRun
from modelwright.kubeflow.questions import Failure, ReadEvaluation, ReadResult, Trouble
from modelwright.retraining.plan import approving, evaluating, lineage, rejections
from modelwright.retraining.plan.approving import Answer as Consent
from modelwright.retraining.plan.gate import GateInput, judge, passed
from modelwright.retraining.plan.recipe import recipe_digest
from modelwright.retraining.plan.run_steps import RunPlan, Step

# Object stores may show a new object late.
RESULT_GRACE = timedelta(seconds=60)


def judge_result(step: Step, policy: RetrainPolicy, follower: ModelRollout | None) -> RunPlan:
    """What a pipeline run that succeeded comes to, also while a person is asked."""
    asked, answer = approving.open_question(step.run), None
    if asked:
        waited = approving.wait(step, policy, _champion(step, policy, follower), asked)
        if isinstance(waited, RunPlan):
            return waited
        answer = waited
    return _read(step, policy, follower, answer)


def _champion(step: Step, policy: RetrainPolicy, follower: ModelRollout | None) -> Champion | None:
    return lineage.champion_for(policy, follower, step.seen.followers, step.seen.siblings)


def _read(step: Step, policy: RetrainPolicy, follower: ModelRollout | None, consent: Consent | None) -> RunPlan:
    run = step.run
    uri = run.status.pipeline_run.result_uri
    of_champion = run.spec.purpose is Purpose.EVALUATE
    question = ReadEvaluation(run.spec.pipeline.server, uri, uri.rpartition("/")[0], of_champion)
    answer = step.seen.answers.get(question)
    phase = run.status.phase if consent else "Evaluating"
    match answer.value if answer else None:
        case ReadResult() as result if of_champion:
            return evaluating.conclude(step, policy.spec.gate, _champion(step, policy, follower), result)
        case ReadResult() as result:
            return _verdict(step, policy, follower, result, consent)
        case Failure(trouble=Trouble.INVALID, message=message):
            return step.fails("EvaluationInvalid", f"evaluation.json: {message}")
        case Failure(trouble=Trouble.NOT_FOUND, message=message):
            finished = run.status.pipeline_run.finished_at
            if answer and finished and answer.started_at >= finished + RESULT_GRACE:
                return step.fails("EvaluationMissing", message)
            return step.stays(phase, "Evaluating", message, question)
        case Failure(message=message):
            return step.stays(phase, "ResultUnavailable", message, question)
        case _:
            return step.stays(phase, "Evaluating", "reading the evaluation", question)


def _verdict(
    step: Step, policy: RetrainPolicy, follower: ModelRollout | None, result: ReadResult, consent: Consent | None
) -> RunPlan:
    run, evaluation = step.run, result.evaluation
    recipe, rows = recipe_digest(evaluation), evaluation.evaluate.rows.digest
    champion = _champion(step, policy, follower)
    rejected = rejections.learned(policy, step.seen.siblings, follower)
    lines = judge(
        GateInput(
            run_uid=run.uid,
            evaluation=evaluation,
            model_digest=result.model_digest,
            champion=champion,
            rejected=rejections.models(rejected),
            gate=policy.spec.gate,
            recipe=recipe,
            rejected_recipes=rejections.recipes(rejected),
            attempt=1 + sum(_was_judged_on(rows, other) for other in step.seen.siblings),
        )
    )
    changes: dict[str, Any] = {
        "gate": lines,
        "evaluation": EvaluationSummary(
            uri=run.status.pipeline_run.result_uri,
            digest=result.file_digest,
            samples=evaluation.evaluate.n,
            champion=evaluation.champion.digest if evaluation.champion else "",
            rows_digest=rows,
            data=evaluation.train.digest,
            recipe=recipe,
        ),
        "model": Model(version=run.name, uri=evaluation.model.uri, digest=result.model_digest),
    }
    if not passed(lines):
        return step.fails("GateRejected", _why_not(lines), phase="Rejected", **changes)
    approved = lineage.approved_model(policy.status.approved, step.seen.siblings)
    if approved and approved.number > run.spec.number:
        return step.fails("Superseded", f"{approved.model.version} was approved before", phase="Rejected", **changes)
    passed_all = f"{run.name} passed all {len(lines)} lines of the gate"
    gate, asked = policy.spec.gate, run.status.approval
    if not approving.is_needed(gate, champion):
        return step.succeeds("Approved", passed_all, **changes)
    binding = approving.binding_of(run, result.model_digest, result.file_digest, gate)
    if consent is None or asked is None or asked.binding != binding:
        # Also where model or evaluation were exchanged after they were shown: that is another question.
        return approving.ask(step, binding, result.model_digest, gate.approval, **changes)
    approval = approving.granted(asked, consent, step)
    message = f"{passed_all}, and {consent.actor or 'a person'} approved it"
    return step.succeeds("Approved", message, approval=approval, **changes)


def _was_judged_on(rows: str, other: RetrainRun) -> bool:
    judged = other.status.evaluation is not None and other.spec.purpose is Purpose.RETRAIN
    return judged and other.status.evaluation is not None and other.status.evaluation.rows_digest == rows


def _why_not(lines: tuple[GateLine, ...]) -> str:
    return "; ".join(f"{line.check}: {line.message}" for line in lines if line.verdict != Verdict.PASS)
