"""The scale subresource on the real API server: people and autoscalers aim at a ModelRollout as at a Deployment."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path
from typing import Any, Protocol

import pytest
from tests.contract.corpus import HERE, merged, read

from modelwright.api.parsing import parse_rollout
from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import MODEL_ROLLOUT, POD
from modelwright.errors import InvalidSpec
from modelwright_playground.controlplane.build import binary

STABLE, CANDIDATE, OLD = "6b8f9c01d2", "77d0aa91c2", "5c1e02aa10"


class WithKubeconfig(Protocol):
    @property
    def kubeconfig(self) -> str: ...


async def scale_of(cluster: Cluster, namespace: str) -> dict[str, Any]:
    """What an HPA reads."""
    return await cluster.raw("get", f"{MODEL_ROLLOUT.path(namespace, 'churn')}/scale")


@pytest.fixture
async def rollout(cluster: Cluster, namespace: str) -> dict[str, Any]:
    body = read(HERE / "accepted" / "rollout.yaml")[0]
    return await cluster.create(MODEL_ROLLOUT, merged(body, {"metadata": {"namespace": namespace}}))


async def test_kubectl_scales_a_rollout_whose_manifest_names_no_replicas(
    rollout: dict[str, Any], cluster: Cluster, namespace: str, control_plane: WithKubeconfig
) -> None:
    assert (await scale_of(cluster, namespace))["spec"] == {"replicas": 1}
    arguments = ("--kubeconfig", control_plane.kubeconfig, "-n", namespace, "scale", "mro/churn", "--replicas", "5")
    await asyncio.to_thread(subprocess.run, [str(binary("kubectl")), *arguments], check=True, capture_output=True)
    found = await cluster.get(MODEL_ROLLOUT, namespace, "churn")
    assert found
    assert parse_rollout(found).spec.replicas == 5


async def test_a_manifest_without_replicas_leaves_the_autoscalers_number(
    rollout: dict[str, Any], cluster: Cluster, namespace: str
) -> None:
    body = merged(read(HERE / "accepted" / "rollout.yaml")[0], {"metadata": {"namespace": namespace}})
    await cluster.apply(MODEL_ROLLOUT, body, manager="gitops")
    path = f"{MODEL_ROLLOUT.path(namespace, 'churn')}/scale"
    await cluster.raw("put", path, merged(await scale_of(cluster, namespace), {"spec": {"replicas": 7}}))
    change = {"spec": {"model": {"version": "v13"}}}
    after = await cluster.apply(MODEL_ROLLOUT, merged(body, change), manager="gitops")
    assert (after["spec"]["replicas"], after["spec"]["model"]["version"]) == (7, "v13")


async def test_an_autoscaler_finds_the_pods_that_serve_and_no_others(
    rollout: dict[str, Any], takes_pods: None, cluster: Cluster, namespace: str
) -> None:
    for name, owner, revision in (
        ("stable", "churn", STABLE),
        ("candidate", "churn", CANDIDATE),
        ("leaving", "churn", OLD),
        ("another", "fraud", STABLE),
    ):
        labels = {"modelwright.dev/rollout": owner, "modelwright.dev/revision": revision}
        metadata = {"name": name, "namespace": namespace, "labels": labels}
        spec = {"containers": [{"name": "model", "image": "example/serve:1"}]}
        await cluster.create(POD, {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec})
    # As `plan.scaling` writes it; tests/rollouts holds it to that.
    selector = f"modelwright.dev/rollout=churn,modelwright.dev/revision in ({STABLE},{CANDIDATE})"
    status = {"observedGeneration": 1, "replicas": 2, "selector": selector}
    await cluster.merge_patch(MODEL_ROLLOUT, namespace, "churn", {"status": status}, "status")
    seen = (await scale_of(cluster, namespace))["status"]
    assert seen == {"replicas": 2, "selector": selector}
    found = await cluster._request("get", POD.path(namespace), label_selector=seen["selector"])
    assert {pod["metadata"]["name"] for pod in found["items"]} == {"stable", "candidate"}


@pytest.mark.parametrize(
    ("manifest", "instead"),
    [
        ("rollout-existing", "those of its Deployments count, aim an HPA or KEDA at each of them"),
        ("rollout-kserve", "its `minReplicas` count, let KServe scale it"),
    ],
)
async def test_an_autoscaler_aimed_where_nothing_is_ours_to_scale_is_told_where_to_aim(
    manifest: str, instead: str, cluster: Cluster, namespace: str
) -> None:
    body = merged(read(HERE / "accepted" / f"{manifest}.yaml")[0], {"metadata": {"namespace": namespace}})
    made = await cluster.create(MODEL_ROLLOUT, body)
    path = f"{MODEL_ROLLOUT.path(namespace, made['metadata']['name'])}/scale"
    seen = await cluster.raw("get", path)
    # What an HPA reads: without a selector it calls the target invalid, and measures nothing.
    assert not seen["status"].get("selector")
    with pytest.raises(InvalidSpec, match="must be left out") as refused:
        await cluster.raw("put", path, merged(seen, {"spec": {"replicas": 2}}))
    assert instead in str(refused.value)


async def test_the_conditions_of_an_hpa_say_so(
    cluster: Cluster, namespace: str, control_plane: WithKubeconfig, tmp_path: Path
) -> None:
    body = merged(read(HERE / "accepted" / "rollout-existing.yaml")[0], {"metadata": {"namespace": namespace}})
    made = await cluster.create(MODEL_ROLLOUT, body)
    path = f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers"
    target = {"apiVersion": made["apiVersion"], "kind": made["kind"], "name": made["metadata"]["name"]}
    for name, least in (("scaling", 2), ("measuring", 1)):
        metric = {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 50}}
        spec = {"scaleTargetRef": target, "minReplicas": least, "maxReplicas": 5}
        spec["metrics"] = [{"type": "Resource", "resource": metric}]
        head = {"apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": {"name": name}}
        await cluster.raw("post", path, {**head, "spec": spec})
    with (tmp_path / "log").open("wb") as log:
        # The playground's own has no autoscaler.
        autoscaler = await asyncio.create_subprocess_exec(
            str(binary("kube-controller-manager")),
            *("--kubeconfig", control_plane.kubeconfig, "--leader-elect=false", "--secure-port=0"),
            *("--controllers=horizontal-pod-autoscaler-controller", "--horizontal-pod-autoscaler-sync-period=1s"),
            stdout=log,
            stderr=log,
        )
        try:
            said: dict[str, dict[str, str]] = {}
            async with asyncio.timeout(300):
                while "FailedUpdateScale" not in said.get("scaling", {}) or "InvalidSelector" not in said["measuring"]:
                    await asyncio.sleep(0.5)
                    said = {
                        found["metadata"]["name"]: {
                            one["reason"]: one["message"] for one in found.get("status", {}).get("conditions", [])
                        }
                        for found in (await cluster.raw("get", path))["items"]
                    }
        finally:
            autoscaler.terminate()
            await autoscaler.wait()
    assert "aim an HPA or KEDA at each of them" in said["scaling"]["FailedUpdateScale"]
