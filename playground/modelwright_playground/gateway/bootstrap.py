"""Envoy's bootstrap: what it must know before it reads its first configuration file. Pure."""

from __future__ import annotations

from pathlib import Path

from modelwright_playground.gateway.facts import Object
from modelwright_playground.gateway.translate import ROUTE_CONFIGURATION

CLUSTERS_FILE = "clusters.json"
ROUTES_FILE = "routes.json"
LISTENERS_FILE = "listeners.json"
ENDPOINTS_FOLDER = "endpoints"
MAX_CONNECTIONS = 10000

_EXTENSIONS = "type.googleapis.com/envoy.extensions"
_MONITORS = f"{_EXTENSIONS}.resource_monitors"


def bootstrap(folder: Path, admin_port: int) -> Object:
    """Envoy reads listeners, clusters and routes from `folder` and reads them again whenever a file is renamed there.

    Statistics of a cluster are called cluster.<namespace>.<service>.<revision>.<statistic>; the first three become
    labels. TRAP: with Envoy's default tags, its own cluster-name tag would swallow the namespace.
    """
    return {
        "node": {"id": "playground", "cluster": "playground"},
        "admin": {"address": _local(admin_port)},
        "dynamic_resources": {
            "lds_config": from_file(folder / LISTENERS_FILE),
            "cds_config": from_file(folder / CLUSTERS_FILE),
        },
        "layered_runtime": {
            # The default, 100, is less than one bounded repetition needs.
            "layers": [{"name": "regex", "static_layer": {"re2.max_program_size.error_level": 1_000_000}}]
        },
        "overload_manager": {
            "resource_monitors": [
                {
                    "name": "envoy.resource_monitors.global_downstream_max_connections",
                    "typed_config": {
                        "@type": f"{_MONITORS}.downstream_connections.v3.DownstreamConnectionsConfig",
                        "max_active_downstream_connections": MAX_CONNECTIONS,
                    },
                }
            ]
        },
        "stats_config": {
            "use_all_default_tags": False,
            "stats_tags": [
                {"tag_name": "namespace", "regex": r"^cluster\.(([^.]+)\.)[^.]+\.[^.]+\."},
                {"tag_name": "service", "regex": r"^cluster\.[^.]+\.(([^.]+)\.)[^.]+\."},
                {"tag_name": "revision", "regex": r"^cluster\.[^.]+\.[^.]+\.(([^.]+)\.)"},
                {"tag_name": "envoy.response_code_class"},
            ],
        },
    }


def listener(folder: Path, port: int) -> Object:
    """The one listener, on 127.0.0.1:`port`; its routes come from `folder`."""
    return {
        "@type": "type.googleapis.com/envoy.config.listener.v3.Listener",
        "name": "gateway",
        "address": _local(port),
        "filter_chains": [
            {
                "filters": [
                    {
                        "name": "envoy.filters.network.http_connection_manager",
                        "typed_config": {
                            "@type": f"{_EXTENSIONS}.filters.network.http_connection_manager.v3.HttpConnectionManager",
                            "stat_prefix": "gateway",
                            "server_header_transformation": "PASS_THROUGH",
                            "normalize_path": True,
                            "rds": {
                                "route_config_name": ROUTE_CONFIGURATION,
                                "config_source": from_file(folder / ROUTES_FILE),
                            },
                            "http_filters": [
                                {
                                    "name": "envoy.filters.http.router",
                                    "typed_config": {"@type": f"{_EXTENSIONS}.filters.http.router.v3.Router"},
                                }
                            ],
                        },
                    }
                ]
            }
        ],
    }


def from_file(path: Path) -> Object:
    return {"resource_api_version": "V3", "path_config_source": {"path": str(path)}}


def _local(port: int) -> Object:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}
