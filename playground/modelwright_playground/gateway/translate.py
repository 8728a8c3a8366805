"""Gateway API objects, and VirtualServices, to the whole Envoy configuration and to what statuses shall say. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from modelwright_playground.gateway.attachment import Attachment, attach, names_gateway, supported
from modelwright_playground.gateway.backends import Backend, Unresolved, cluster, load_assignment, slices_by_service
from modelwright_playground.gateway.facts import (
    CONTROLLER,
    GatewayReport,
    ListenerReport,
    Object,
    Observation,
    ParentReport,
    Resources,
    RouteReport,
    Saying,
    Translation,
    Unsupported,
)
from modelwright_playground.gateway.grpc import GRPC_ROUTE, as_http
from modelwright_playground.gateway.rules import Ranked, translate_route
from modelwright_playground.gateway.virtual_services import domains, translate_virtual_service

ROUTE_CONFIGURATION = "playground"


@dataclass
class _Collected:
    """What the routes add up to, as they are gone through one by one."""

    hosts: dict[str, list[Ranked]] = field(default_factory=dict)
    backends: set[Backend] = field(default_factory=set)
    grpc: set[Backend] = field(default_factory=set)  # of those the ones that GRPCRoutes lead to
    attached: dict[tuple[str, str, str], set[tuple[str, str]]] = field(default_factory=dict)


def translate(observed: Observation, endpoints_folder: str) -> Translation:
    """The configuration and the reports for `observed`; Envoy will read endpoints from `endpoints_folder`."""
    classes = tuple(item for item in observed.classes if item["spec"]["controllerName"] == CONTROLLER)
    names = {item["metadata"]["name"] for item in classes}
    gateways = tuple(item for item in observed.gateways if item["spec"]["gatewayClassName"] in names)
    services = {(item["metadata"]["namespace"], item["metadata"]["name"]): item for item in observed.services}
    labels = {item["metadata"]["name"]: item["metadata"].get("labels") or {} for item in observed.namespaces}

    collected = _Collected()
    routes = tuple(_route(item, gateways, services, labels, collected) for item in observed.routes)
    for item in observed.virtual_services:
        _serve(item, services, collected)
    slices = slices_by_service(observed.slices)
    backends = sorted(collected.backends)
    resources = Resources(
        clusters=tuple(
            cluster(
                item,
                services[item.namespace, item.service],
                f"{endpoints_folder}/{item.cluster}.json",
                grpc=item in collected.grpc,
            )
            for item in backends
        ),
        endpoints={
            item.cluster: load_assignment(
                item, services[item.namespace, item.service], slices.get((item.namespace, item.service), ())
            )
            for item in backends
        },
        routes=route_configuration(collected.hosts),
    )
    return Translation(resources, classes, tuple(_gateway(item, collected) for item in gateways), routes)


def route_configuration(hosts: Mapping[str, Iterable[Ranked]]) -> Object:
    """One virtual host per host name, its routes in order of precedence."""
    return {
        "@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration",
        "name": ROUTE_CONFIGURATION,
        # Clients name the playground's port, which is not the listener's.
        "ignore_port_in_host_matching": True,
        "virtual_hosts": [
            {
                "name": host,
                "domains": [host],
                "routes": [item.route for item in sorted(ranked, key=lambda item: item.precedence)],
            }
            for host, ranked in sorted(hosts.items())
        ],
    }


def _route(
    route: Object,
    gateways: tuple[Object, ...],
    services: Mapping[tuple[str, str], Object],
    namespaces: Mapping[str, Mapping[str, str]],
    collected: _Collected,
) -> RouteReport:
    parents = [
        (ref, gateway, attach(ref, route, gateway, namespaces))
        for ref in route["spec"].get("parentRefs") or ()
        for gateway in gateways
        if names_gateway(ref, route, gateway)
    ]
    if not parents:
        return RouteReport(route, ())
    try:
        translated = translate_route(as_http(route), services)
    except Unsupported as refusal:
        return RouteReport(route, tuple(ParentReport(ref, _refused(refusal)) for ref, _, _ in parents))
    hostnames = {host for _, _, attachment in parents for host in attachment.hostnames}
    for host in hostnames:
        collected.hosts.setdefault(host, []).extend(translated.ranked)
    if hostnames:
        collected.backends |= translated.backends
        collected.grpc |= translated.backends if route.get("kind") == GRPC_ROUTE else frozenset()
    _count(route, parents, collected)
    resolved = _resolved(translated.unresolved)
    accepted = Saying("Accepted", "True", "Accepted", "Envoy serves this route")
    return RouteReport(
        route,
        tuple(ParentReport(ref, (attachment.refusal or accepted, resolved)) for ref, _, attachment in parents),
    )


def _serve(item: Object, services: Mapping[tuple[str, str], Object], collected: _Collected) -> None:
    """A VirtualService: it needs no Gateway of ours, and nothing is said about it."""
    translated = translate_virtual_service(item, services)
    for host in domains(item):
        collected.hosts.setdefault(host, []).extend(translated.ranked)
    collected.backends |= translated.backends


def _count(route: Object, parents: list[tuple[Object, Object, Attachment]], collected: _Collected) -> None:
    me = (route["metadata"]["namespace"], route["metadata"]["name"])
    for _, gateway, attachment in parents:
        for listener in attachment.listeners:
            where = (gateway["metadata"]["namespace"], gateway["metadata"]["name"], listener)
            collected.attached.setdefault(where, set()).add(me)


def _refused(refusal: Unsupported) -> tuple[Saying, ...]:
    return (
        Saying("Accepted", "False", "UnsupportedValue", str(refusal)),
        Saying("ResolvedRefs", "True", "ResolvedRefs", "not looked at: the route is not accepted"),
    )


def _resolved(unresolved: tuple[Unresolved, ...]) -> Saying:
    if not unresolved:
        return Saying("ResolvedRefs", "True", "ResolvedRefs", "every backend exists")
    messages = "; ".join(dict.fromkeys(item.message for item in unresolved))
    messages += ". The share of requests meant for it is answered with 500"
    return Saying("ResolvedRefs", "False", unresolved[0].reason, messages)


def _gateway(gateway: Object, collected: _Collected) -> GatewayReport:
    metadata = gateway["metadata"]
    listeners = tuple(
        _listener(item, len(collected.attached.get((metadata["namespace"], metadata["name"], item["name"]), ())))
        for item in gateway["spec"]["listeners"]
    )
    refused = [item.name for item in listeners if not item.supported]
    if len(refused) == len(listeners):
        reason, message = "ListenersNotValid", "no listener speaks HTTP; this gateway serves only that"
        accepted = Saying("Accepted", "False", reason, message)
        return GatewayReport(gateway, (accepted, Saying("Programmed", "False", "Invalid", message)), listeners)
    if refused:
        accepted = Saying("Accepted", "True", "ListenersNotValid", f"only HTTP is served; not: {', '.join(refused)}")
    else:
        accepted = Saying("Accepted", "True", "Accepted", "every listener is served")
    programmed = Saying("Programmed", "True", "Programmed", "Envoy is running it")
    return GatewayReport(gateway, (accepted, programmed), listeners)


def _listener(listener: Object, attached: int) -> ListenerReport:
    name = listener["name"]
    if not supported(listener):
        message = f"protocol {listener['protocol']} is not supported; HTTP is"
        return ListenerReport(
            name,
            0,
            False,
            (
                Saying("Accepted", "False", "UnsupportedProtocol", message),
                Saying("Programmed", "False", "Invalid", message),
                Saying("ResolvedRefs", "True", "ResolvedRefs", "nothing to resolve"),
            ),
        )
    return ListenerReport(
        name,
        attached,
        True,
        (
            Saying("Accepted", "True", "Accepted", "the listener is served"),
            Saying("Programmed", "True", "Programmed", "Envoy is running it"),
            Saying("ResolvedRefs", "True", "ResolvedRefs", "nothing to resolve"),
        ),
    )
