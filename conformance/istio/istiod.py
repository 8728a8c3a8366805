"""istiod as a process, with its own definitions and its own validation of what is written to the API server.

The network is its own, so it has its usual ports, all of them on 127.0.0.1. It speaks to the API server as an
administrator: that its service account may do what it does is Istio's to show.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from modelwright_playground.controlplane.build import binary
from modelwright_playground.controlplane.module_definitions import Module

NAMESPACE = "istio-system"
XDS_PORT, HTTP_PORT, WEBHOOK_PORT, MONITORING_PORT = 15010, 8080, 15017, 15014
READY = f"http://127.0.0.1:{HTTP_PORT}/ready"
METRICS = f"http://127.0.0.1:{MONITORING_PORT}/metrics"
VALIDATOR = "istiod-default-validator"

DEFINITIONS = Module(
    "the definitions of the Istio that is built",
    "istiod",
    "istio.io/istio",
    "manifests/charts/base/files/crd-all.gen.yaml",
)

# No certificates for traffic between gateway and pods: there is no sidecar that could answer for them.
MESH = "enableAutoMtls: false\n"

SETTINGS = {
    "POD_NAMESPACE": NAMESPACE,
    "POD_NAME": "istiod",
    "REVISION": "default",
    "INJECT_ENABLED": "false",
    "ISTIOD_CUSTOM_HOST": "localhost",
    "VALIDATION_WEBHOOK_CONFIG_NAME": VALIDATOR,
    # It writes what it thinks of each object into its status.
    "PILOT_ENABLE_ANALYSIS": "true",
    # Filters that only Istio's own build of Envoy has. They are about certificates and telemetry.
    "PILOT_ENABLE_ALPN_FILTER": "false",
    "PILOT_ENABLE_METADATA_EXCHANGE": "false",
}


def command(kubeconfig: Path, folder: Path) -> list[str]:
    """The command line; `folder` gets the settings of the mesh."""
    mesh = folder / "mesh.yaml"
    mesh.write_text(MESH)
    return [
        str(binary("pilot-discovery")),
        "discovery",
        f"--kubeconfig={kubeconfig}",
        f"--meshConfig={mesh}",
        f"--grpcAddr=127.0.0.1:{XDS_PORT}",
        "--secureGrpcAddr=",
        f"--httpAddr=127.0.0.1:{HTTP_PORT}",
        f"--httpsAddr=127.0.0.1:{WEBHOOK_PORT}",
        f"--monitoringAddr=127.0.0.1:{MONITORING_PORT}",
        "--shutdownDuration=1s",
        "--keepaliveMaxServerConnectionAge=24h",
    ]


def validator() -> dict[str, Any]:
    """As Istio's chart has it. istiod fills in its certificate, and lets it fail closed once it has seen it refuse."""
    return {
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": VALIDATOR, "labels": {"istio.io/rev": "default", "istio": "istiod", "app": "istiod"}},
        "webhooks": [
            {
                "name": "validation.istio.io",
                "clientConfig": {"url": f"https://localhost:{WEBHOOK_PORT}/validate"},
                "rules": [
                    {
                        "operations": ["CREATE", "UPDATE"],
                        "apiGroups": [
                            "security.istio.io",
                            "networking.istio.io",
                            "telemetry.istio.io",
                            "extensions.istio.io",
                        ],
                        "apiVersions": ["*"],
                        "resources": ["*"],
                    }
                ],
                "failurePolicy": "Ignore",
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
            }
        ],
    }
