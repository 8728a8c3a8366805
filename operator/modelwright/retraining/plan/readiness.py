"""Whether a policy can do what it says: what is wrong with its triggers, its pipeline, or its last runs."""

from __future__ import annotations

from modelwright.api.policy import RetrainPolicy
from modelwright.errors import InvalidSpec
from modelwright.kubeflow.questions import Failure, PipelineDescription, Trouble
from modelwright.retraining.plan import policy_conditions
from modelwright.retraining.plan.described import Known, check_caching
from modelwright.retraining.plan.limits import Situation, failing
from modelwright.retraining.plan.pipelines import check_parameters, check_purpose
from modelwright.retraining.plan.policy_conditions import Readiness
from modelwright.retraining.plan.triggers import TriggerSeen


def readiness(policy: RetrainPolicy, pipeline: Known, looks: tuple[TriggerSeen, ...]) -> Readiness:
    """Armed, or what a person has to mend, or what cannot be told yet."""
    broken = next((look for look in looks if look.broken), None)
    if broken:
        return policy_conditions.stalled("InvalidTrigger", f"trigger {broken.status.name}: {broken.broken}")
    match pipeline:
        case PipelineDescription(parameters=declared) as known:
            if problem := check_caching(policy.spec.pipeline, known):
                return policy_conditions.stalled("CachingNotControllable", problem)
            try:
                check_parameters(declared, policy.spec.pipeline.parameters)
                check_purpose(declared, policy.spec.triggers)
            except InvalidSpec as error:
                return policy_conditions.stalled("InvalidParameters", str(error))
            return policy_conditions.armed(policy)
        case Failure(trouble=Trouble.NOT_FOUND, message=message):
            return policy_conditions.stalled("PipelineNotFound", message)
        case Failure(trouble=Trouble.INVALID, message=message):
            return policy_conditions.stalled("InvalidPipeline", message)
        case Failure(trouble=Trouble.FORBIDDEN, message=message):
            return policy_conditions.stalled("PipelineServerForbidden", message)
        case Failure(message=message):
            return policy_conditions.unconfirmed(policy, "PipelineServerUnavailable", message)
        case _:
            return policy_conditions.unconfirmed(policy, "Checking", "asking the pipeline server for the pipeline")


def told(ready: Readiness, situation: Situation) -> Readiness:
    """A policy that waits for a person says so, if nothing is wrong with it besides."""
    hold = failing(situation)
    return policy_conditions.stalled(hold.reason, hold.message) if hold and not hold.until and ready.ready else ready
