"""The way back to stable: rollback, abort and supersede. The fast path: it needs no pods, no metrics, no approval."""

from __future__ import annotations

from modelwright.api.rollout import Rejection, Stage
from modelwright.rollouts.actions import WriteRoute
from modelwright.rollouts.plan.draft import Draft, Mood
from modelwright.rollouts.plan.history import REJECTED_KEPT, record
from modelwright.rollouts.plan.running import point
from modelwright.traffic.route import Split

RESULT = {
    Stage.ROLLING_BACK: "RolledBack",
    Stage.ABORTING: "Aborted",
    Stage.SUPERSEDING: "Superseded",
    Stage.CONCLUDING: "Concluded",
}
QUIET = (Stage.SUPERSEDING, Stage.CONCLUDING)
"""Ways out that nobody has to be warned of."""


def leave(draft: Draft, stage: Stage, reason: str, message: str, *, reject: bool) -> None:
    """Decide to go back to stable, and ask the route for it in this very pass."""
    candidate = draft.candidate
    draft.change(stage=stage, stage_since=draft.now, step=None, paused="", paused_message="", shortcut=None, frozen=())
    if reject:
        reject_candidate(draft, message)
    draft.tell(reason, f"{candidate.model.version}: {message}", warn=stage not in QUIET)
    go_back(draft)


def reject_candidate(draft: Draft, reason: str) -> None:
    """Not to be tried again until a person says so."""
    candidate = draft.candidate
    rejection = Rejection(candidate.revision, candidate.model.digest, draft.now, reason, candidate.model.version)
    others = [known for known in draft.status.rejected if known.revision != candidate.revision]
    draft.change(rejected=(rejection, *others)[:REJECTED_KEPT])


def go_back(draft: Draft) -> None:
    """Assert the stable selector, then weight 0; settled once the route confirms it."""
    stable, candidate, route = draft.stable, draft.candidate, draft.seen.route
    draft.urgent = True
    if draft.seen.ready(stable.revision) == 0:
        _say(
            draft,
            "StableUnavailable",
            f"{candidate.model.version} has to go, but stable {stable.model.version} has no ready endpoint: held",
        )
        return
    point(draft, "stable", stable.revision)
    draft.give(Split())
    if route is None or route.split != Split() or draft.route_is_outdated:
        draft.do(WriteRoute())
        _say(draft, "RollingBack", f"from {candidate.model.version} to {stable.model.version}")
    elif not route.accepted:
        _say(draft, "RollingBack", f"weight 0 for {candidate.model.version} is not yet confirmed")
    else:
        settle(draft)


def settle(draft: Draft) -> None:
    """The route confirmed weight 0: the rollout is over, and its candidate is nobody."""
    candidate, stage = draft.candidate, draft.status.stage
    assert stage is not None
    result = RESULT[stage]
    record(draft, candidate.revision, candidate.model.version, result)
    _say(draft, "RollingBack", f"all traffic is back on {draft.stable.model.version}")
    draft.change(stage=None, stage_since=draft.now, candidate=None, started_at=None, queued_at=None)
    if stage not in QUIET:
        draft.tell("RolledBack", f"all traffic is back on {draft.stable.model.version}", warn=True)
    draft.look_again(draft.spec.promotion.scale_down_delay)


def _say(draft: Draft, reason: str, message: str) -> None:
    if draft.status.stage is Stage.CONCLUDING:
        draft.say(Mood.MOVING, "Concluding" if reason == "RollingBack" else reason, message)
    else:
        draft.say(Mood.ROLLING_BACK, reason, message)
