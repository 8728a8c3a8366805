"""The one interface of all routers: read back, write a split, and name what has to be watched."""

from __future__ import annotations

from typing import Protocol

from modelwright.api.rollout import ModelRollout
from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import Kind
from modelwright.traffic.route import RouteSeen, WriteRoute


class Router(Protocol):
    """One way to divide traffic between two versions. It decides nothing and remembers nothing."""

    @property
    def kinds(self) -> tuple[Kind, ...]:
        """What it reads: all of them are watched."""
        ...

    async def read(self, cluster: Cluster, rollout: ModelRollout) -> RouteSeen | None:
        """What is live, or None where there is no route yet. Raises what `Cluster` raises: unknown is not weight 0."""
        ...

    async def write(self, cluster: Cluster, rollout: ModelRollout, action: WriteRoute) -> None:
        """Make `action.split` live, safe to repeat. Raises Conflict where a raise was decided on another version."""
        ...

    async def release(self, cluster: Cluster, rollout: ModelRollout) -> None:
        """Hand a route that is not ours back to its owner. Raises Conflict where it changed since it was read."""
        ...
