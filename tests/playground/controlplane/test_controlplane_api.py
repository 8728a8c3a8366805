"""The control plane behaves as a cluster of its version does, because it is one."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path
from typing import Any

import aiohttp

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import CONFIG_MAP, CUSTOM_RESOURCE_DEFINITION, DEPLOYMENT, POD, SECRET, Kind
from modelwright_playground.controlplane.toolchain import KUBERNETES

POD_TEMPLATE = {
    "metadata": {"labels": {"app": "echo"}},
    "spec": {"containers": [{"name": "echo", "image": "example.test/echo:1"}]},
}


async def test_it_reports_its_true_version(cluster: Cluster) -> None:
    version = await cluster.raw("get", "/version")
    assert version["gitVersion"] == f"v{KUBERNETES}"
    assert (version["major"], version["minor"]) == ("1", "36")
    assert version["gitTreeState"] == "clean"


async def test_strangers_are_refused(control_plane: Any) -> None:
    trust = ssl.create_default_context(cafile=str(Path(control_plane.kubeconfig).parent / "pki" / "ca.crt"))
    async with aiohttp.ClientSession() as session:
        secrets = f"{control_plane.url}/api/v1/secrets"
        async with session.get(secrets, ssl=trust) as answer:
            assert answer.status == 403


async def test_a_service_account_may_do_only_what_rbac_grants(
    cluster: Cluster, control_plane: Any, namespace: str
) -> None:
    rbac = Kind("rbac.authorization.k8s.io", "v1", "rolebindings", "RoleBinding")
    await cluster.create(
        rbac,
        {
            "apiVersion": rbac.api_version,
            "kind": rbac.name,
            "metadata": {"name": "view", "namespace": namespace},
            "roleRef": {"apiGroup": rbac.group, "kind": "ClusterRole", "name": "view"},
            "subjects": [{"kind": "ServiceAccount", "name": "default", "namespace": namespace}],
        },
    )
    await _eventually(cluster, Kind("", "v1", "serviceaccounts", "ServiceAccount"), namespace)
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/default/token"
    token = (await cluster.raw("post", path, request))["status"]["token"]

    trust = ssl.create_default_context(cafile=str(Path(control_plane.kubeconfig).parent / "pki" / "ca.crt"))
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as session:
        for kind, expected in ((CONFIG_MAP, 200), (SECRET, 403)):
            # A binding is in force a moment after it is stored.
            answers = [0]
            async with asyncio.timeout(120):
                while expected not in answers:
                    async with session.get(control_plane.url + kind.path(namespace), ssl=trust) as answer:
                        answers.append(answer.status)
            assert set(answers) <= {0, 403, expected}, kind.name


async def test_our_definitions_and_those_of_the_gateway_api_are_established(cluster: Cluster) -> None:
    installed = {body["metadata"]["name"]: body for body in await cluster.list(CUSTOM_RESOURCE_DEFINITION)}
    for name in (
        "modelrollouts.modelwright.dev",
        "retrainpolicies.modelwright.dev",
        "retrainruns.modelwright.dev",
        "gatewayclasses.gateway.networking.k8s.io",
        "gateways.gateway.networking.k8s.io",
        "httproutes.gateway.networking.k8s.io",
    ):
        assert _condition(installed[name], "Established") == "True", name


async def test_the_controller_manager_turns_a_deployment_into_pods(cluster: Cluster, namespace: str) -> None:
    await cluster.create(
        DEPLOYMENT,
        {
            "apiVersion": DEPLOYMENT.api_version,
            "kind": DEPLOYMENT.name,
            "metadata": {"name": "echo", "namespace": namespace},
            "spec": {"replicas": 1, "selector": {"matchLabels": {"app": "echo"}}, "template": POD_TEMPLATE},
        },
    )
    pod = await _eventually(cluster, POD, namespace)
    assert pod["metadata"]["ownerReferences"][0]["kind"] == "ReplicaSet"


async def _eventually(cluster: Cluster, kind: Kind, namespace: str) -> dict[str, Any]:
    """The first object of `kind` in `namespace`, waited for."""
    async for _, body in cluster.watch(kind, namespace, timeout=180):
        return body
    raise AssertionError(f"no {kind.name} within 180 s")


def _condition(body: dict[str, Any], kind: str) -> str:
    conditions: list[dict[str, str]] = body["status"]["conditions"]
    return next(condition["status"] for condition in conditions if condition["type"] == kind)
