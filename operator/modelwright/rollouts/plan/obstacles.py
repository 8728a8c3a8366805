"""What only a person can remove, known without asking anybody: a metric source, or a route without a Gateway."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from modelwright.api.rollout import Confirm, ModelRollout, Workload
from modelwright.errors import InvalidSpec
from modelwright.metrics.configuration import MetricSource, source_for
from modelwright.rollouts.plan.draft import Draft
from modelwright.rollouts.shared_servers import NEEDED, shared_server_in
from modelwright.traffic.route import Obstacle

NOT_ACCEPTED = "RouteNotAccepted"

SILENCE = timedelta(seconds=30)
"""How long a parent of the route may say nothing at all before nobody seems to be there to say it."""


def source_obstacle(draft: Draft) -> str:
    """Why the metric source or the profile cannot be used, "" if they can. What serves already goes on serving."""
    return draft.seen.profile_problem or source_problem(draft.seen.rollout, draft.seen.sources)


def source_problem(rollout: ModelRollout, sources: Mapping[str, MetricSource]) -> str:
    """Why the metric source cannot be used, "" if it can or is not needed."""
    analysis = rollout.spec.analysis
    if not analysis.metrics and rollout.spec.confirm is not Confirm.OBSERVED_SHARE:
        return ""
    try:
        source_for(rollout.namespace, analysis.source, sources, "spec.analysis.source")
    except InvalidSpec as error:
        return str(error)
    return ""


def shared_server(draft: Draft) -> str:
    """Why no weight could divide these versions, "" where each has processes of its own."""
    workload, found = draft.spec.workload, draft.seen.shared_server
    if isinstance(workload, Workload):
        found = shared_server_in(workload.template)
    return f"{found}: {NEEDED}" if found else ""


def router_obstacle(draft: Draft) -> str:
    """Why the strategy cannot go through this router, "" if it can, or nobody knows yet."""
    route = draft.seen.route
    missing = sorted(draft.course.needs & route.unsupported) if route else []
    if not missing:
        return ""
    needed = f"the strategy needs {' and '.join(missing)} of the router, which does not support it"
    if route and (reasons := dict.fromkeys(said for need, said in route.reasons if need in missing)):
        return f"{needed}: {'; '.join(reasons)}"
    return f"{needed}: leave those steps out, or use a Gateway whose class has them among its supportedFeatures"


def route_obstacle(draft: Draft) -> Obstacle | None:
    """Why no weight can be raised on the route as it stands, None while it is accepted or may still be."""
    route = draft.seen.route
    if route is None:
        return None
    if route.obstacle:
        # It may be another rollout that stands in the way, whose end wakes nobody here.
        draft.look_again(SILENCE)
        return route.obstacle
    if route.accepted:
        return None
    if route.accepted is False:
        return Obstacle(NOT_ACCEPTED, route.message)
    if not (route.silent or route.silence) or route.written_at is None:
        return None
    left = route.written_at + SILENCE - draft.now
    if left > timedelta(0):
        # No status is no event either: nothing else wakes us.
        draft.look_again(left)
        return None
    if route.silence:
        return Obstacle("UnsupportedKServe", route.silence)
    named_in = "its parentRefs" if route.is_theirs else "`managed.parentRefs` of spec.traffic"
    return Obstacle(
        NOT_ACCEPTED,
        f"no Gateway has answered for parentRefs {', '.join(route.silent)}: create it, or name one in "
        f"{named_in} that exists and whose controller runs",
    )
