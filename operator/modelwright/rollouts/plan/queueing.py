"""Whom a rollout waits for before it starts: those it depends on, and its turn in the namespace. Never a rollback.

Its turn is asked for twice: before it is under way, and again before anything is asked of the route. One operator lets
nobody pass between looking and taking. Two that act at once may let too many be under way; but what is under way is
saved by then, so the second time whoever came last sees all the others, whatever the clocks say.
"""

from __future__ import annotations

from datetime import timedelta

from modelwright.api.rollout import RolloutStatus, Stage
from modelwright.rollouts.plan.draft import Draft, Mood

QUEUE_LOOK = timedelta(seconds=5)
"""A place that becomes free is no change of the one who waits for it."""


def waits_for_others(draft: Draft, version: str) -> bool:
    """Whether `version` must not start yet; then the headline says why."""
    return _waits_for_dependency(draft, version) or _waits_for_its_turn(draft, version)


def has_begun(status: RolloutStatus) -> bool:
    """Whether anything was asked of the route, so that nobody is waited for any more."""
    step = status.step
    waits = status.stage in (Stage.STEPPING, Stage.BAKING) and step and step.asked_at is None and not step.stretch
    return status.stage is not None and not waits


def has_its_turn(draft: Draft) -> bool:
    """Whether a rollout that is under way may begin; else the headline says why. Who came too late queues again."""
    limit, others, status = draft.seen.concurrent, draft.seen.neighbours, draft.status
    if not limit or status.pin or draft.hurries or has_begun(status):
        return True
    version = draft.candidate.model.version
    if status.queued_at:
        if not _waits_for_its_turn(draft, version):
            # Others have to see it before it looks a last time.
            draft.change(queued_at=None, started_at=draft.now)
            draft.look_again(timedelta(0))
            draft.say(Mood.HOLDING, "Queued", f"{version} takes its turn in this namespace")
        return False
    under_way = [other for other in others if other.under_way]
    if len(under_way) < limit:
        return True
    place = (status.began_at or draft.now, draft.seen.rollout.name)
    before = [other for other in under_way if other.begun or (other.began_at or draft.now, other.name) < place]
    if len(before) >= limit:
        draft.change(queued_at=draft.now)
    draft.look_again(QUEUE_LOOK)
    draft.say(Mood.HOLDING, "Queued", f"{version} waits for its turn: {_limits(limit)}")
    return False


def leave_queue(draft: Draft) -> None:
    draft.change(queued_at=None)


def _waits_for_dependency(draft: Draft, version: str) -> bool:
    needed = draft.spec.depends_on
    if not needed:
        return False
    if cycle := _cycle(draft):
        draft.say(Mood.STALLED, "DependencyCycle", f"spec.dependsOn leads back here over {' → '.join(cycle)}")
        return True
    known = {neighbour.name: neighbour for neighbour in draft.seen.neighbours}
    open_ = [name for name in needed if name not in known or not known[name].rests]
    if not open_:
        return False
    missing = [name for name in open_ if name not in known]
    why = f"there is no ModelRollout '{missing[0]}'" if missing else f"'{open_[0]}' is not at rest on what it wants"
    draft.say(Mood.HOLDING, "WaitingForDependency", f"{version} waits: {why}")
    draft.look_again(QUEUE_LOOK)
    return True


def _cycle(draft: Draft) -> tuple[str, ...]:
    """The names on the shortest way from this rollout over its dependencies back to itself, if there is one."""
    here = draft.seen.rollout.name
    leads_to = {neighbour.name: neighbour.depends_on for neighbour in draft.seen.neighbours}
    ways: list[tuple[str, ...]] = [(name,) for name in draft.spec.depends_on]
    seen = set(draft.spec.depends_on)
    while ways:
        way, *ways = ways
        for name in leads_to.get(way[-1], ()):
            if name == here:
                return (*way, here)
            if name not in seen:
                seen.add(name)
                ways.append((*way, name))
    return ()


def _waits_for_its_turn(draft: Draft, version: str) -> bool:
    """The queue is by age, and each goes through it: two that look at the same moment know each other's place then."""
    limit = draft.seen.concurrent
    if not limit:
        return False
    others, here = draft.seen.neighbours, draft.seen.rollout.name
    if draft.status.queued_at is None:
        draft.change(queued_at=draft.now)
        draft.look_again(timedelta(0))
        draft.say(Mood.HOLDING, "Queued", f"{version} waits for its turn in this namespace")
        return True
    place = (draft.status.queued_at, here)
    before = sum(1 for other in others if other.queued_at and (other.queued_at, other.name) < place)
    under_way = sum(1 for other in others if other.under_way)
    if under_way + before < limit:
        return False
    draft.look_again(QUEUE_LOOK)
    draft.say(Mood.HOLDING, "Queued", f"{version} waits for its turn: {_limits(limit)}")
    return True


def _limits(limit: int) -> str:
    return f"no more than {limit} rollouts may be under way at once in this namespace"
