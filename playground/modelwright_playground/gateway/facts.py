"""What the translation is told (an Observation) and what it answers (a Translation)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Object = dict[str, Any]

CONTROLLER = "modelwright.dev/playground-gateway"
GROUP = "gateway.networking.k8s.io"


@dataclass(frozen=True)
class Observation:
    """Kubernetes objects as the API server gives them; nobody changes them."""

    classes: tuple[Object, ...] = ()
    gateways: tuple[Object, ...] = ()
    routes: tuple[Object, ...] = ()
    virtual_services: tuple[Object, ...] = ()
    services: tuple[Object, ...] = ()
    slices: tuple[Object, ...] = ()
    namespaces: tuple[Object, ...] = ()


@dataclass(frozen=True)
class Saying:
    """One condition without its time: `status` is "True" or "False"."""

    type: str
    status: str
    reason: str
    message: str


@dataclass(frozen=True)
class Resources:
    """Envoy resources in their JSON form. `endpoints` maps a cluster's name to its load assignment."""

    clusters: tuple[Object, ...] = ()
    endpoints: Mapping[str, Object] = field(default_factory=dict)
    routes: Object = field(default_factory=dict)


@dataclass(frozen=True)
class ListenerReport:
    name: str
    attached_routes: int
    supported: bool
    sayings: tuple[Saying, ...]


@dataclass(frozen=True)
class GatewayReport:
    gateway: Object
    sayings: tuple[Saying, ...]
    listeners: tuple[ListenerReport, ...]


@dataclass(frozen=True)
class ParentReport:
    """What this gateway says about one parentRef of a route."""

    parent_ref: Mapping[str, Any]
    sayings: tuple[Saying, ...]


@dataclass(frozen=True)
class RouteReport:
    """`parents` is empty for a route that no longer names one of our gateways."""

    route: Object
    parents: tuple[ParentReport, ...]


@dataclass(frozen=True)
class Translation:
    resources: Resources
    classes: tuple[Object, ...]
    gateways: tuple[GatewayReport, ...]
    routes: tuple[RouteReport, ...]


class Unsupported(Exception):
    """This gateway cannot do what a route asks for. The message says what was found and what would do."""
