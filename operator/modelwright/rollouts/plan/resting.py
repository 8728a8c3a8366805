"""At rest: stable serves everything. Here a first version goes live, and here a new rollout starts."""

from __future__ import annotations

from modelwright.api.rollout import Arm, Candidate, Stage, State
from modelwright.api.steering import Shortcut, Waived
from modelwright.rollouts.actions import WriteRoute
from modelwright.rollouts.plan.borrowing import hand_back
from modelwright.rollouts.plan.desired import Desired, unpinned
from modelwright.rollouts.plan.draft import Draft, Mood
from modelwright.rollouts.plan.following import absence, source_trouble
from modelwright.rollouts.plan.history import record
from modelwright.rollouts.plan.leaving import reject_candidate
from modelwright.rollouts.plan.obstacles import router_obstacle, shared_server, source_obstacle
from modelwright.rollouts.plan.pinning import goes_back, within_window
from modelwright.rollouts.plan.queueing import leave_queue, waits_for_others
from modelwright.rollouts.plan.reverting import cannot_leave, reject_reverted
from modelwright.rollouts.plan.running import (
    POD_LOOK,
    backend_on_trial,
    ensure_running,
    ensure_stable,
    may_begin,
    point,
    retire_others,
)
from modelwright.rollouts.plan.saying import is_obstructed
from modelwright.rollouts.plan.smoking import Checked, smoke_check
from modelwright.rollouts.plan.stepping import first_step
from modelwright.traffic.route import Split


def plan_rest(draft: Draft, want: Desired | None) -> None:
    """Keep what Git says at rest, then start a rollout if another revision is wanted and nothing forbids it."""
    if draft.status.stable is None:
        _first_version(draft, want)
        return
    ensure_stable(draft)
    point(draft, "candidate", draft.stable.revision)
    route = draft.seen.route
    if route is None or not route.as_wanted:
        draft.do(WriteRoute())
    hand_back(draft)
    if draft.headline is None:
        _look_for_news(draft, want)
    # Last: a revision that starts now has a role, and its old pods stay.
    retire_others(draft)


def _look_for_news(draft: Draft, want: Desired | None) -> None:
    if is_obstructed(draft):
        return
    if obstacle := source_obstacle(draft):
        draft.say(Mood.STALLED, "InvalidSpec", obstacle)
    elif obstacle := shared_server(draft):
        draft.say(Mood.STALLED, "UnsupportedSharedServer", obstacle)
    elif obstacle := router_obstacle(draft):
        draft.say(Mood.STALLED, "UnsupportedByRouter", obstacle)
    elif want is None and (trouble := source_trouble(draft)):
        draft.say(trouble.mood, trouble.reason, trouble.message)
    elif want is None or want.revision == draft.stable.revision:
        leave_queue(draft)
        _say_at_rest(draft)
        if stays := cannot_leave(draft):
            draft.say(Mood.HOLDING, "NoPreviousModel", stays)
    else:
        _start_unless_forbidden(draft, want)


def _start_unless_forbidden(draft: Draft, want: Desired) -> None:
    version = want.model.version
    if draft.status.paused and draft.status.history[:1] and draft.status.history[0].revision != want.revision:
        # The pause was about another revision; this one is news.
        draft.change(paused="", paused_message="")
    status = draft.status
    rejection = next((known for known in status.rejected if known.revision == want.revision), None)
    if rejection:
        draft.say(
            Mood.ROLLED_BACK,
            "RolledBack",
            f"{version} was rejected: {rejection.reason}. {draft.stable.model.version} serves",
        )
    elif status.paused:
        draft.say(Mood.WAITING_FOR_A_PERSON, status.paused, status.paused_message)
    elif draft.spec.state is State.SUSPENDED and not goes_back(draft, want.revision):
        draft.say(Mood.WAITING_FOR_A_PERSON, "Suspended", f"{version} waits: spec.state is Suspended")
    elif want.judged_against and draft.stable.model.digest and want.judged_against != draft.stable.model.digest:
        draft.say(
            Mood.HOLDING,
            "ChampionChanged",
            f"{version} was judged against another model than {draft.stable.model.version}, which serves now",
        )
    elif may_begin(draft) and (want.held or not waits_for_others(draft, version)):
        _start(draft, want)


def _start(draft: Draft, want: Desired) -> None:
    if want.reverted:
        reject_reverted(draft, want.reverted)
    if within_window(draft, want.revision):
        draft.change(shortcut=Shortcut(Waived.STEPS, draft.now))
    draft.change(
        stage=Stage.STEPPING,
        stage_since=draft.now,
        started_at=draft.now,
        began_at=draft.now,
        candidate=Candidate(want.revision, want.model, 0, want.retrain_run, backend_on_trial(draft)),
        step=first_step(draft),
        metrics=(),
        frozen=(),
        queued_at=None,
    )
    if not draft.course.legs:
        draft.change(stage=Stage.BAKING)
    draft.tell("RolloutStarted", f"{want.model.version} against {draft.stable.model.version}")
    if draft.seen.route and draft.seen.route.advice:
        draft.tell("GitOpsSeen", draft.seen.route.advice, warn=True)
    draft.say(Mood.MOVING, "WaitingForPods", f"{want.model.version} starts")


def _first_version(draft: Draft, want: Desired | None) -> None:
    """The very first version goes live once it is ready: there is nothing to compare it with."""
    started = draft.status.candidate
    if started and draft.seen.route and draft.seen.ready(started.revision) > 0:
        # It may serve already: whatever is wanted by now comes after it, as a rollout with steps.
        want = Desired(started.revision, started.model, started.retrain_run)
    if want is None:
        missing = absence(draft)
        draft.say(missing.mood, missing.reason, missing.message)
        return
    if rejection := next((known for known in draft.status.rejected if known.revision == want.revision), None):
        says = f"{want.model.version} was rejected: {rejection.reason}. Nothing serves yet"
        draft.say(Mood.ROLLED_BACK, "RolledBack", says)
        return
    if draft.status.stage is None and (obstacle := shared_server(draft)):
        draft.say(Mood.STALLED, "UnsupportedSharedServer", obstacle)
        return
    if draft.status.stage is None and waits_for_others(draft, want.model.version):
        return
    spec, seen = draft.spec, draft.seen
    arm = Candidate(want.revision, want.model, 0, want.retrain_run)
    draft.change(stage=Stage.STARTING, candidate=arm, started_at=draft.status.started_at or draft.now)
    leave_queue(draft)
    ensure_running(draft, want.revision, want.model, spec.replicas)
    point(draft, "stable", want.revision)
    point(draft, "candidate", want.revision)
    retire_others(draft)
    ready = seen.ready(want.revision)
    deployment = seen.deployments.get(want.revision)
    if ready < spec.replicas:
        problem = f": {deployment.problem}" if deployment and deployment.problem else ""
        draft.say(
            Mood.MOVING, "WaitingForPods", f"{ready} of {spec.replicas} pods of {want.model.version} ready{problem}"
        )
        draft.look_again(POD_LOOK)
    elif not _smoke_checked(draft, arm):
        return
    elif seen.route is not None and seen.route.obstacle:
        is_obstructed(draft)
    elif seen.route is None or not seen.route.as_wanted or seen.route.split != Split():
        draft.do(WriteRoute())
        draft.say(Mood.MOVING, "WaitingForRoute", "the route is being created")
    elif is_obstructed(draft):
        return
    elif not seen.route.accepted:
        draft.say(Mood.MOVING, "WaitingForRoute", "the route is not accepted yet")
    else:
        _, reproduced = smoke_check(draft, arm)
        stable = Arm(want.revision, want.model, 100, want.retrain_run)
        draft.change(stage=None, stage_since=draft.now, stable=stable, candidate=None, started_at=None)
        record(draft, want.revision, want.model.version, "Promoted")
        says = f"{want.model.version} serves all traffic, as the first version"
        draft.tell("Promoted", f"{says}: {reproduced}" if reproduced else says)
        _say_at_rest(draft)


def _smoke_checked(draft: Draft, arm: Candidate) -> bool:
    """Before there is a route: a first version that does not say what its evaluation said never serves."""
    found, why = smoke_check(draft, arm)
    if found is Checked.FAILED:
        reject_candidate(draft, f"smoke check: {why}")
        record(draft, arm.revision, arm.model.version, "RolledBack")
        draft.change(stage=None, stage_since=draft.now, candidate=None, started_at=None)
        draft.tell("SmokeCheckFailed", f"{arm.model.version}: smoke check: {why}", warn=True)
        says = f"{arm.model.version} was rejected: smoke check: {why}. Nothing serves yet"
        draft.say(Mood.ROLLED_BACK, "RolledBack", says)
    return found is Checked.PASSED


def _say_at_rest(draft: Draft) -> None:
    version = draft.stable.model.version
    if draft.seen.ready(draft.stable.revision) == 0 and draft.seen.stable_service is not None:
        draft.say(Mood.HOLDING, "StableUnavailable", f"no endpoint of {version} is ready")
    elif (waiting := _kept_waiting(draft)) and draft.status.pin:
        by = draft.status.pin.actor or "command"
        draft.say(Mood.WAITING_FOR_A_PERSON, "Pinned", f"{version} is pinned by {by}: {waiting} waits until `unpin`")
    else:
        draft.say(Mood.RESTING, "Promoted", f"{version} serves all traffic")


def _kept_waiting(draft: Draft) -> str:
    """The version that somebody released, and that a pin keeps from being rolled out; "" where there is none.

    With `modelFrom` nobody released one, so nobody waits.
    """
    want = unpinned(draft) if draft.status.pin and draft.spec.model else None
    return want.model.version if want and want.revision != draft.stable.revision else ""
