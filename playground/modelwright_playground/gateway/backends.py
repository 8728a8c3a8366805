"""Which Service port a backendRef means, and which endpoints stand behind it. Pure.

An Envoy cluster is one port of one Service. Its statistics carry namespace, service and revision in their name, as the
bootstrap's tag rules expect.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from modelwright_playground.addresses import local_address
from modelwright_playground.gateway.facts import Object

REVISION_LABEL = "modelwright.dev/revision"
SERVICE_NAME_LABEL = "kubernetes.io/service-name"
NO_REVISION = "none"

Services = Mapping[tuple[str, str], Object]


@dataclass(frozen=True, order=True)
class Backend:
    namespace: str
    service: str
    port: int

    @property
    def cluster(self) -> str:
        """Neither namespaces nor Services have dots in their names, so this is unambiguous."""
        return f"{self.namespace}.{self.service}.{self.port}"


@dataclass(frozen=True)
class Unresolved:
    """Why a backendRef means nothing: a reason of the ResolvedRefs condition, and a message."""

    reason: str
    message: str


def resolve(ref: Object, namespace: str, services: Services) -> Backend | Unresolved:
    """The backend that `ref`, in a route of `namespace`, means."""
    group, kind, name = ref.get("group") or "", ref.get("kind") or "Service", ref["name"]
    if (group, kind) != ("", "Service"):
        return Unresolved("InvalidKind", f"backend {name} is a {kind} of group {group!r}; only Services are supported")
    where = ref.get("namespace") or namespace
    if where != namespace:
        return Unresolved(
            "RefNotPermitted", f"Service {where}/{name} is in another namespace; this gateway reads no ReferenceGrants"
        )
    service = services.get((where, name))
    if service is None:
        return Unresolved("BackendNotFound", f"Service {where}/{name} does not exist")
    if service["spec"].get("type") == "ExternalName":
        return Unresolved("UnsupportedProtocol", f"Service {where}/{name} is an ExternalName; it has no endpoints")
    port = ref.get("port")
    if port is None or _port_of(service, port) is None:
        have = ", ".join(str(item["port"]) for item in service["spec"].get("ports", ())) or "none"
        return Unresolved("BackendNotFound", f"Service {where}/{name} has no port {port}; it has {have}")
    return Backend(where, name, port)


def cluster(backend: Backend, service: Object, endpoints_file: str, *, grpc: bool = False) -> Object:
    """The Envoy cluster of `backend`, whose endpoints Envoy reads from `endpoints_file`.

    `grpc`: its servers are spoken to as the client speaks, since gRPC is HTTP/2 on both sides.
    """
    protocol: Object = {"explicit_http_config": {"http_protocol_options": {}}}
    if grpc:
        protocol = {"use_downstream_protocol_config": {"http_protocol_options": {}, "http2_protocol_options": {}}}
    revision = (service["spec"].get("selector") or {}).get(REVISION_LABEL) or NO_REVISION
    return {
        "@type": "type.googleapis.com/envoy.config.cluster.v3.Cluster",
        "name": backend.cluster,
        # Dots separate the parts of a statistic's name; a label's value may have some.
        "alt_stat_name": f"{backend.namespace}.{backend.service}.{revision.replace('.', '_')}",
        "type": "EDS",
        "eds_cluster_config": {
            "service_name": backend.cluster,
            "eds_config": {"resource_api_version": "V3", "path_config_source": {"path": endpoints_file}},
        },
        "connect_timeout": "2s",
        "lb_policy": "LEAST_REQUEST",
        "circuit_breakers": {
            "thresholds": [
                {"max_connections": 10000, "max_pending_requests": 10000, "max_requests": 10000, "max_retries": 0}
            ]
        },
        "typed_extension_protocol_options": {
            "envoy.extensions.upstreams.http.v3.HttpProtocolOptions": {
                "@type": "type.googleapis.com/envoy.extensions.upstreams.http.v3.HttpProtocolOptions",
                **protocol,
                # Shorter than the keep-alive of common servers: without retries, a request sent into a connection
                # that the server is just closing is an error that no model made.
                "common_http_protocol_options": {"idle_timeout": "4s"},
            }
        },
    }


def load_assignment(backend: Backend, service: Object, slices: Iterable[Object]) -> Object:
    """The ready endpoints of `backend`, at the addresses where their processes really listen."""
    port = _port_of(service, backend.port) or {}
    addresses = sorted(
        {
            (local_address(address), number)
            for item in slices
            if item.get("addressType") == "IPv4"
            for number in _numbers(item.get("ports") or (), port.get("name") or "")
            for endpoint in item.get("endpoints") or ()
            if _ready(endpoint.get("conditions") or {})
            for address in endpoint["addresses"]
        }
    )
    return {
        "@type": "type.googleapis.com/envoy.config.endpoint.v3.ClusterLoadAssignment",
        "cluster_name": backend.cluster,
        "endpoints": [
            {
                "lb_endpoints": [
                    {"endpoint": {"address": {"socket_address": {"address": address, "port_value": number}}}}
                    for address, number in addresses
                ]
            }
        ]
        if addresses
        else [],
    }


def slices_by_service(slices: Iterable[Object]) -> dict[tuple[str, str], list[Object]]:
    found: dict[tuple[str, str], list[Object]] = {}
    for item in slices:
        metadata = item["metadata"]
        if name := (metadata.get("labels") or {}).get(SERVICE_NAME_LABEL):
            found.setdefault((metadata["namespace"], name), []).append(item)
    return found


def _port_of(service: Object, number: int) -> Object | None:
    ports: Sequence[Object] = service["spec"].get("ports") or ()
    return next((item for item in ports if item["port"] == number), None)


def _numbers(ports: Sequence[Object], name: str) -> list[int]:
    return [item["port"] for item in ports if (item.get("name") or "") == name and item.get("port")]


def _ready(conditions: Object) -> bool:
    # An absent `ready` means ready. `terminating` is asked as well: with publishNotReadyAddresses a pod that is going
    # away stays ready.
    return conditions.get("ready") is not False and not conditions.get("terminating")
