"""What the gateway may find in a cluster: one class, one Gateway, Services with endpoints, and routes to them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from modelwright_playground.gateway.facts import CONTROLLER, Object, Observation, Translation
from modelwright_playground.gateway.translate import translate


class Given:
    """Builders of objects as the API server would give them, all in namespace `ml` unless told otherwise."""

    def gateway_class(self, controller: str = CONTROLLER) -> Object:
        return {"metadata": {"name": "playground", "generation": 1}, "spec": {"controllerName": controller}}

    def gateway(self, *listeners: Object) -> Object:
        standard = {"name": "http", "protocol": "HTTP", "port": 80}
        return {
            "metadata": {"namespace": "ml", "name": "public", "generation": 1},
            "spec": {"gatewayClassName": "playground", "listeners": list(listeners) or [standard]},
        }

    def service(self, name: str, revision: str | None = None, port: int = 80, **spec: Any) -> Object:
        selector = {"modelwright.dev/revision": revision} if revision else {}
        return {
            "metadata": {"namespace": "ml", "name": name, "generation": 1},
            "spec": {"selector": selector, "ports": [{"name": "http", "port": port}], **spec},
        }

    def slice(self, service: str, *addresses: str, port: int = 8080, conditions: Object | None = None) -> Object:
        return {
            "metadata": {
                "namespace": "ml",
                "name": f"{service}-abc",
                "labels": {"kubernetes.io/service-name": service},
            },
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": port}],
            "endpoints": [
                {"addresses": [address], "conditions": conditions or {"ready": True}} for address in addresses
            ],
        }

    def route(
        self,
        name: str = "churn",
        rules: Sequence[Object] = (),
        *,
        created: str = "2026-11-01T00:00:00Z",
        generation: int = 1,
        namespace: str = "ml",
        **spec: Any,
    ) -> Object:
        metadata = {"namespace": namespace, "name": name, "generation": generation, "creationTimestamp": created}
        return {
            "metadata": metadata,
            "spec": {"parentRefs": [{"name": "public", "namespace": "ml"}], "rules": list(rules), **spec},
        }

    def split(self, *, matches: Sequence[Object] = (), filters: Sequence[Object] = (), **weights: int) -> Object:
        """A rule that splits requests over Services by weight."""
        rule: Object = {
            "backendRefs": [{"name": name, "port": 80, "weight": weight} for name, weight in weights.items()]
        }
        return {
            **rule,
            **({"matches": list(matches)} if matches else {}),
            **({"filters": list(filters)} if filters else {}),
        }

    def observed(self, *routes: Object, **others: Any) -> Observation:
        """The Services `stable` and `candidate`, each with one endpoint, and `routes`; `others` replaces any kind."""
        kinds: Mapping[str, Any] = {
            "classes": (self.gateway_class(),),
            "gateways": (self.gateway(),),
            "services": (self.service("stable", "aaaa"), self.service("candidate", "bbbb")),
            "slices": (self.slice("stable", "10.244.9.2"), self.slice("candidate", "10.244.9.3")),
            **others,
        }
        return Observation(routes=routes, **kinds)

    def translated(self, *routes: Object, **others: Any) -> Translation:
        return translate(self.observed(*routes, **others), "/endpoints")

    def envoy_routes(self, *routes: Object, host: str = "*", **others: Any) -> list[Object]:
        """What Envoy is told for `host`, in its order."""
        hosts = self.translated(*routes, **others).resources.routes["virtual_hosts"]
        return next((item["routes"] for item in hosts if item["name"] == host), [])

    def conditions(self, *routes: Object, **others: Any) -> dict[str, str]:
        """Type to "status reason" of the last route's only parent."""
        (parent,) = self.translated(*routes, **others).routes[-1].parents
        return {saying.type: f"{saying.status} {saying.reason}" for saying in parent.sayings}


@pytest.fixture
def given() -> Given:
    return Given()
