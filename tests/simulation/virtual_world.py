"""Fake worlds behind an Istio VirtualService of the user's: what testers and copies need is in the route itself."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.simulation.attached_world import TESTERS, AttachedWorld, ExistingWorld
from tests.simulation.rollout_world import SPEC
from tests.traffic.routes import to, virtual_service

from modelwright.api.rollout import AttachedRoute, RolloutSpec, Step
from modelwright.traffic import own_entries
from modelwright.traffic.backends import backends_of
from modelwright.traffic.pairs import pairs_of
from modelwright.traffic.route import Split, WriteRoute

VIRTUAL = replace(
    SPEC,
    route=AttachedRoute("VirtualService", "churn"),
    steps=(Step(shadow=20, hold=timedelta(seconds=20)), TESTERS, *SPEC.steps),
)


class VirtualWorld(AttachedWorld):
    """Managed pods behind a VirtualService of the user's. Nobody answers for it."""

    def __init__(self, spec: RolloutSpec = VIRTUAL, **fields: Any) -> None:
        super().__init__(spec=spec, **fields)

    def _first_route(self) -> dict[str, Any]:
        hosts = [to(name, weight) for name, weight in zip(self.backends, (100, 0), strict=True)]
        return virtual_service({"route": [*hosts, to("elsewhere", 7)]}, {"route": [to("docs")]})

    @property
    def split(self) -> Split | None:
        found = own_entries.seen(self.rollout(), self.body, pairs_of(self.body, backends_of(self.rollout())))
        return Split(self.share, found.mirror, found.testers)

    @split.setter
    def split(self, split: Split | None) -> None:
        """Its owner wrote it, and nobody deletes it here."""

    def _keep_beside(self, action: WriteRoute) -> None:
        """What testers need is in the route itself."""


class ExistingVirtualWorld(VirtualWorld, ExistingWorld):
    """Pods of the user's behind a VirtualService of the user's."""
