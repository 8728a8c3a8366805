"""A fake of KServe's controller, and of Knative's below it: an InferenceService in, its status and objects out.

Knative mode follows what v0.20.0 of KServe does with `canaryTrafficPercent`, its memory of what was rolled out last
included. Standard mode is v0.20.0 for `spec.canary`, and for weights in the HTTPRoute what 0.21 is said to do.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from typing import Any

from modelwright.traffic.kserve.service import SOURCE_ANNOTATION

Object = dict[str, Any]

ACCEPTED = [{"type": t, "status": "True", "reason": t, "observedGeneration": 1} for t in ("Accepted", "ResolvedRefs")]


@dataclass
class FakeKServe:
    """`body` is the InferenceService, whose status it writes. `is_dead` says of a model's uri whether it cannot run.

    One pass is one reconcile of each controller: what takes KServe two takes two here. Pods take `start` to come up.
    `divides` is False for a KServe whose routes do not know `spec.canary`.
    """

    body: Object
    is_dead: Callable[[str], bool] = lambda _: False
    start: timedelta = timedelta(seconds=3)
    divides: bool = True
    runs: bool = True
    made: dict[str, tuple[str, datetime]] = field(default_factory=dict)  # revisions or Deployments: uri, since when
    wanted: dict[str, int] = field(default_factory=dict)
    routes: list[Object] = field(default_factory=list)

    def act(self, now: datetime) -> None:
        if not self.runs:
            return
        if self.body["metadata"]["annotations"]["serving.kserve.io/deploymentMode"] == "Knative":
            self._knative(now)
        else:
            self._standard(now)

    def ready(self, name: str, now: datetime) -> bool:
        uri, since = self.made[name]
        return not self.is_dead(uri) and now - since >= self.start

    # --- Knative ------------------------------------------------------------------------------------------------

    def _knative(self, now: datetime) -> None:
        predictor = self.body["spec"]["predictor"]
        status = self.body.setdefault("status", {"deploymentMode": "Knative"})
        component: Object = status.setdefault("components", {}).setdefault("predictor", {})
        uri, percent = predictor["model"]["storageUri"], predictor.get("canaryTrafficPercent")
        newest = component.get("latestCreatedRevision", "")
        if not newest or self.made[newest][0] != uri:
            newest = f"{self.body['metadata']['name']}-predictor-{len(self.made) + 1:05}"
            self.made[newest] = (uri, now)
        component["latestCreatedRevision"] = newest
        ready = newest if self.ready(newest, now) else component.get("latestReadyRevision", "")
        rolled = component.get("latestRolledoutRevision", "")
        shares = [(ready, 100 if percent is None or not rolled else percent, True)]
        if percent is not None and rolled and percent < 100:
            shares.append((rolled, 100 - percent, False))
        component["traffic"] = [
            {"revisionName": name, "percent": share, "latestRevision": is_latest}
            for name, share, is_latest in shares
            if name
        ]
        if ready:
            self._remember(component, ready, newest, shares)
            component["latestReadyRevision"] = ready

    def _remember(self, component: Object, ready: str, newest: str, shares: list[tuple[str, int, bool]]) -> None:
        rolled, share = component.get("latestRolledoutRevision", ""), shares[0][1]
        if rolled != ready:
            if share == 100:
                component |= {"previousRolledoutRevision": rolled, "latestRolledoutRevision": ready}
        elif ready == newest and share < 100 and component.get("previousRolledoutRevision"):
            # It had been rolled out and is taken back: KServe then sends the rest to what was before.
            component["latestRolledoutRevision"] = component["previousRolledoutRevision"]

    def revisions(self, now: datetime) -> list[Object]:
        """Knative's Revisions, reduced to what is read of them."""
        return [
            {
                "metadata": {"name": name, "annotations": {SOURCE_ANNOTATION: uri}},
                "status": {"conditions": [{"type": "Ready", "status": str(self.ready(name, now))}]},
            }
            for name, (uri, _) in self.made.items()
        ]

    # --- Standard -----------------------------------------------------------------------------------------------

    def _standard(self, now: datetime) -> None:
        spec, name = self.body["spec"], self.body["metadata"]["name"]
        self.body.setdefault("status", {"deploymentMode": "Standard"})
        predictor, entries = spec["predictor"], spec.get("canary") or []
        pods = int(predictor.get("minReplicas", 1))
        stable = self._service(predictor)
        counts = {self._service(entry["predictor"]): self._replicas(entry, pods) for entry in entries}
        made = {stable: predictor, **{self._service(entry["predictor"]): entry["predictor"] for entry in entries}}
        self.wanted = {stable: max(1, pods - sum(counts.values())), **counts}
        for each, source in made.items():
            uri = source["model"]["storageUri"]
            if self.made.get(each, ("",))[0] != uri:
                self.made[each] = (uri, now)
        self.made = {each: self.made[each] for each in made}
        weights = {self._service(e["predictor"]): e["trafficPercent"] for e in entries if self.divides}
        weights = {each: share for each, share in weights.items() if self.ready(each, now)}
        refs = [{"name": stable, "weight": 100 - sum(weights.values())}]
        refs += [{"name": each, "weight": share} for each, share in weights.items()]
        if self.ready(stable, now) or self.routes:
            parent = {"name": "public"}
            # The second one keeps its name when the predictor gets another one.
            self.routes = [
                {
                    "metadata": {"name": each, "namespace": "ml", "generation": 1},
                    "spec": {"parentRefs": [parent], "rules": [{"backendRefs": copy.deepcopy(refs)}]},
                    "status": {"parents": [{"parentRef": parent, "conditions": copy.deepcopy(ACCEPTED)}]},
                }
                for each in (name, f"{name}-predictor")
            ]

    def _service(self, predictor: Object) -> str:
        middle = f"-{predictor['name']}" if predictor.get("name") else ""
        return f"{self.body['metadata']['name']}{middle}-predictor"

    def _replicas(self, entry: Object, pods: int) -> int:
        return int(entry["predictor"].get("minReplicas") or ceil(pods * entry["trafficPercent"] / 100))

    def deployments(self) -> list[Object]:
        """Its Deployments, reduced to what is read of them."""
        return [
            {
                "metadata": {"name": name, "generation": 1},
                "spec": {
                    "replicas": self.wanted[name],
                    "template": {"metadata": {"annotations": {SOURCE_ANNOTATION: uri}}, "spec": {"containers": []}},
                },
                "status": {"observedGeneration": 1, "updatedReplicas": self.wanted[name]},
            }
            for name, (uri, _) in self.made.items()
        ]

    def endpoints(self, now: datetime) -> dict[str, int]:
        return {name: self.wanted[name] if self.ready(name, now) else 0 for name in self.made}

    # --- both ---------------------------------------------------------------------------------------------------

    def shares(self) -> dict[str, int]:
        """Percent of traffic by what gets it: Revisions or Services."""
        if self.routes:
            return {ref["name"]: ref["weight"] for ref in self.routes[0]["spec"]["rules"][0]["backendRefs"]}
        shares: dict[str, int] = {}
        for target in self.body.get("status", {}).get("components", {}).get("predictor", {}).get("traffic", []):
            shares[target["revisionName"]] = shares.get(target["revisionName"], 0) + target["percent"]
        return shares
