"""Where each kind of route keeps its rules and their backends, and how it names a backend. Pure.

Gateway API routes: `spec.rules[].backendRefs[]`. Istio's VirtualService: `spec.http[].route[]`, each a host.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from modelwright.api.rollout import Backend, BackendKind
from modelwright.cluster.keys import GRPC_ROUTE, HTTP_ROUTE, VIRTUAL_SERVICE
from modelwright.traffic.backends import GROUPS

Object = Mapping[str, Any]

CLUSTER_DOMAIN = "cluster.local"

MADE_BY_US = "modelwright/"
"""How the names of entries begin that we put into a VirtualService: no user's does, and no rule's can."""


@dataclass(frozen=True)
class Shape:
    """`rules` and `refs` are names of lists in a route's spec. `names(ref, backend, namespace)` says whether a member
    of `refs` in a route of `namespace` is that backend. `left_out` is what a weight means that is not written."""

    rules: str
    refs: str
    names: Callable[[Object, Backend, str], bool]
    left_out: int
    is_confirmed: bool = True  # whether its parents say in its status that they accepted it


def shape_of(body: Object) -> Shape:
    return SHAPES[body["kind"]]


def _is_backend_ref(ref: Object, backend: Backend, namespace: str) -> bool:
    return (
        ref.get("name") == backend.name
        and ref.get("kind", "Service") == backend.kind
        and ref.get("group", "") == GROUPS[backend.kind]
        and ref.get("namespace", namespace) == namespace
    )


def _is_destination(ref: Object, backend: Backend, namespace: str) -> bool:
    """Istio takes a name without dots for a Service of the route's own namespace."""
    if backend.kind is not BackendKind.SERVICE:
        return False
    local = f"{backend.name}.{namespace}"
    hosts = (backend.name, local, f"{local}.svc", f"{local}.svc.{CLUSTER_DOMAIN}")
    return ref.get("destination", {}).get("host") in hosts


GATEWAY_API = Shape("rules", "backendRefs", _is_backend_ref, left_out=1)
ISTIO = Shape("http", "route", _is_destination, left_out=0, is_confirmed=False)

SHAPES = {HTTP_ROUTE.name: GATEWAY_API, GRPC_ROUTE.name: GATEWAY_API, VIRTUAL_SERVICE.name: ISTIO}
