"""prometheus.yml. Pure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

SCRAPE_INTERVAL = "1s"
# Of some thousand statistics these per backend are asked: requests, answers by class of code, and how long they took.
ENVOY_STATISTICS = r"^cluster(\.[^.]+){3}\.upstream_rq_(total|[0-9]xx|time)$"


def configuration(targets_file: Path, envoy_admin_port: int) -> dict[str, Any]:
    """Two jobs: `pods`, from `targets_file`, and `envoy`, the gateway's counts per namespace, service and revision."""
    return {
        "global": {"scrape_interval": SCRAPE_INTERVAL, "scrape_timeout": SCRAPE_INTERVAL},
        "scrape_configs": [
            {
                "job_name": "pods",
                "honor_labels": False,
                # Prometheus also watches the file; this is for a move that it misses.
                "file_sd_configs": [{"files": [str(targets_file)], "refresh_interval": "1s"}],
            },
            {
                "job_name": "envoy",
                "honor_labels": False,
                "metrics_path": "/stats/prometheus",
                "params": {"filter": [ENVOY_STATISTICS]},
                "static_configs": [{"targets": [f"127.0.0.1:{envoy_admin_port}"]}],
                "metric_relabel_configs": [
                    # The Services of a rollout are named after it: what the preset for Envoy needs besides.
                    {
                        "source_labels": ["service"],
                        "regex": "(.+)-(stable|candidate)",
                        "target_label": "rollout",
                        "replacement": "$1",
                    },
                    # A Service that selects no revision has no such label; in Envoy's name it had to have something.
                    {
                        "source_labels": ["revision"],
                        "regex": "none",
                        "target_label": "revision",
                        "replacement": "",
                    },
                ],
            },
        ],
    }
