"""Rest around rollouts: while one is under way, after a promotion, and after a run and its rollout have settled."""

from __future__ import annotations

from modelwright.api.run import Purpose
from modelwright.api.times import format_time
from modelwright.retraining.plan import lineage
from modelwright.retraining.plan.limits.situation import Hold, Situation


def rollout_in_progress(situation: Situation) -> Hold | None:
    message = lineage.rollout_under_way(situation.policy, situation.follower, situation.runs, situation.now)
    return Hold("RolloutInProgress", message) if message else None


def settling(situation: Situation) -> Hold | None:
    """The looks of a level trigger reach back over its window: right after a promotion they still see the old model."""
    promoted = lineage.promoted_at(situation.follower)
    if promoted is None or situation.now >= promoted + situation.policy.spec.limits.settle:
        return None
    until = promoted + situation.policy.spec.limits.settle
    return Hold("Settling", f"triggers rest until {format_time(until)}, after the last promotion", until)


def evaluated_lately(situation: Situation) -> Hold | None:
    """An evaluation of the champion starts no cooldown for retraining, but one for the next evaluation."""
    evaluations = (run for run in situation.runs if run.spec.purpose is Purpose.EVALUATE)
    finished = lineage.latest(lineage.finished_at(run) for run in evaluations)
    if finished is None or situation.now >= (until := finished + situation.policy.spec.limits.cooldown):
        return None
    return Hold("Cooldown", f"the champion may be evaluated again at {format_time(until)}", until)


def cooldown(situation: Situation) -> Hold | None:
    """Counts from when the last rollout settled, or the last run finished if no rollout came of it. A run that a person
    asked for does not wait for it."""
    if situation.run and lineage.by_hand(situation.run.spec.evidence):
        return None
    finished = lineage.latest(
        (situation.policy.status.last_run_finished_at, *(lineage.pipeline_ended_at(run) for run in situation.others))
    )
    if finished is None:
        return None
    anchor = lineage.latest((finished, lineage.settled_at(situation.follower))) or finished
    until = anchor + situation.policy.spec.limits.cooldown
    if situation.now >= until:
        return None
    return Hold("Cooldown", f"the next pipeline run may start at {format_time(until)}", until)
