"""Going back to the model before, because the champion turned out worse within some days of its promotion.

The policy only says which model shall be left. Each rollout that follows it goes back by itself, to what it served
before, and rejects what it left.
"""

from __future__ import annotations

from modelwright.api.durations import format_duration
from modelwright.api.policy import ApprovedModel, Champion, Reverted
from modelwright.api.rollout import InferenceServiceWorkload, ModelRollout
from modelwright.api.run import Evidence
from modelwright.api.times import format_time
from modelwright.api.triggers import Trigger
from modelwright.retraining.plan.limits import BEFORE_REVERTING, Hold, Situation, first_hold

NO_PREVIOUS = "NoPreviousModel"


def revert(
    trigger: Trigger,
    evidence: Evidence,
    champion: Champion | None,
    approved: ApprovedModel | None,
    situation: Situation,
) -> Reverted | Hold:
    """What is asked of the rollouts as `trigger` fires, or why it is not (any more)."""
    known, follower = situation.policy.status.reverted, situation.follower
    if champion is None or champion.since is None or follower is None:
        return Hold(NO_PREVIOUS, "it is not known when the champion was promoted, nor what served before")
    version = champion.model.version
    if obstacle := _nothing_before(follower, version):
        return Hold(NO_PREVIOUS, obstacle)
    if known and known.version == version and known.at >= champion.since:
        return Hold("Reverting", f"rollouts are asked to leave {version} since {format_time(known.at)}")
    if situation.now > champion.since + trigger.within:
        promoted = f"{version} was promoted at {format_time(champion.since)}"
        return Hold("TooLateToRevert", f"{promoted}, longer than {format_duration(trigger.within)} ago")
    if hold := first_hold(BEFORE_REVERTING, situation):
        return hold
    number = approved.number if approved else 0
    message = f"{trigger.name}: {evidence.value}, needed {evidence.bound}"
    # Rollouts leave what was promoted before the order: whole seconds must not put it before this promotion.
    at = max(situation.now.replace(microsecond=0), champion.since)
    return Reverted(number, version, champion.model.digest, trigger.name, message, at)


def _nothing_before(follower: ModelRollout, version: str) -> str:
    """Why there is no model to go back to from `version`, "" where there is one, by all that the rollout tells."""
    status = follower.status
    promoted = (entry for entry in status.history if entry.result == "Promoted" and entry.version != version)
    before = next(promoted, None)
    if before and any(known.version == before.version for known in status.rejected):
        return f"{before.version}, which served before {version}, was rejected: `retry` it, or retrain"
    tells = next((one for one in status.conditions if (one.type, one.reason) == ("Progressing", NO_PREVIOUS)), None)
    if tells and status.stable and status.stable.model.version == version:
        return tells.message
    # What an InferenceService served before its first rollout is recorded, but was not promoted.
    found = before or isinstance(follower.spec.workload, InferenceServiceWorkload)
    return "" if found else f"no model served before {version}"
