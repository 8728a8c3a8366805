"""What became of an approved model: how each rollout that follows the policy stands with it."""

from __future__ import annotations

from collections.abc import Iterable

from modelwright.api.rollout import ModelRollout
from modelwright.api.run import RetrainRun, RolloutOutcome


def outcomes(run: RetrainRun, followers: Iterable[ModelRollout]) -> tuple[RolloutOutcome, ...]:
    """By name. What is known of a rollout that is gone, or has forgotten, stays."""
    known = {each.name: each for each in run.status.rollouts}
    for rollout in followers:
        if found := _outcome(run, rollout):
            known[rollout.name] = found
    return tuple(known[name] for name in sorted(known))


def _outcome(run: RetrainRun, rollout: ModelRollout) -> RolloutOutcome | None:
    status = rollout.status
    if status.candidate and run.name in (status.candidate.retrain_run, status.candidate.model.version):
        return RolloutOutcome(rollout.name, "Progressing", status.candidate.revision, status.started_at)
    entry = next((entry for entry in status.history if entry.version == run.name), None)
    return RolloutOutcome(rollout.name, entry.result, entry.revision, entry.at) if entry else None
