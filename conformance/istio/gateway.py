"""A gateway of the mesh: an Envoy that knows nothing but where istiod is, and the Istio Gateway that is for it."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from conformance.istio.istiod import XDS_PORT

NAMESPACE, NAME = "istio-ingress", "public"
LABELS = {"istio": NAME}
Object = dict[str, Any]


def command(folder: Path, address: str, admin_port: int) -> list[str]:
    """The command line; `address` is that of the pod which this Envoy would be in."""
    config = folder / "gateway.json"
    config.write_text(json.dumps(bootstrap(address, admin_port)))
    program = Path(sys.executable).with_name("envoy")
    return [str(program), "-c", str(config), "--disable-hot-restart", "--concurrency", "2", "--log-level", "warning"]


def bootstrap(address: str, admin_port: int) -> Object:
    ads = {"ads": {}, "initial_fetch_timeout": "0s", "resource_api_version": "V3"}
    return {
        "node": {
            "id": f"router~{address}~{NAME}.{NAMESPACE}~{NAMESPACE}.svc.cluster.local",
            "cluster": f"{NAME}.{NAMESPACE}",
            "metadata": {
                "NAMESPACE": NAMESPACE,
                "NAME": NAME,
                "CLUSTER_ID": "Kubernetes",
                "LABELS": LABELS,
                "ISTIO_VERSION": "1.31.0",
            },
        },
        "admin": {"address": _local(admin_port)},
        "dynamic_resources": {
            "lds_config": ads,
            "cds_config": ads,
            "ads_config": {
                # As Istio's own proxies ask.
                "api_type": "DELTA_GRPC",
                "transport_api_version": "V3",
                "set_node_on_first_message_only": True,
                "grpc_services": [{"envoy_grpc": {"cluster_name": "istiod"}}],
            },
        },
        "static_resources": {"clusters": [_istiod()]},
    }


def manifest(port: int) -> Object:
    """The Istio Gateway that makes every Envoy with these labels listen on `port`, for all hosts."""
    server = {"port": {"number": port, "name": "http", "protocol": "HTTP"}, "hosts": ["*"]}
    return {
        "apiVersion": "networking.istio.io/v1",
        "kind": "Gateway",
        "metadata": {"name": NAME, "namespace": NAMESPACE},
        "spec": {"selector": LABELS, "servers": [server]},
    }


def _istiod() -> Object:
    options = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
    return {
        "name": "istiod",
        "type": "STATIC",
        "typed_extension_protocol_options": {
            options: {
                "@type": f"type.googleapis.com/{options}",
                "explicit_http_config": {"http2_protocol_options": {}},
            }
        },
        "load_assignment": {
            "cluster_name": "istiod",
            "endpoints": [{"lb_endpoints": [{"endpoint": {"address": _local(XDS_PORT)}}]}],
        },
    }


def _local(port: int) -> Object:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
