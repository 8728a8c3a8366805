"""What a cluster asks of its node, by the real API server and controller manager."""

import os
import signal
from collections.abc import Awaitable, Callable
from typing import Any

from modelwright.cluster.access import Cluster, Object
from modelwright.cluster.keys import DEPLOYMENT, LEASE, NODE, POD, SERVICE, Kind

Eventually = Callable[..., Awaitable[Any]]
JOB = Kind("batch", "v1", "jobs", "Job")


async def test_the_node_is_ready_and_renews_its_lease(node: Any, cluster: Cluster, eventually: Eventually) -> None:
    async def ready() -> Object | None:
        found = await cluster.get(NODE, None, "playground")
        conditions = {c["type"]: c["status"] for c in (found or {}).get("status", {}).get("conditions", [])}
        return found if conditions.get("Ready") == "True" else None

    found = await eventually(ready, "a ready node")
    subnet = node.instance.subnet
    assert found["spec"]["podCIDR"] == f"10.244.{subnet}.0/24"
    assert {"type": "InternalIP", "address": f"127.244.{subnet}.1"} in found["status"]["addresses"]
    lease = await eventually(lambda: cluster.get(LEASE, "kube-node-lease", "playground"), "the lease")
    assert lease["spec"]["holderIdentity"] == "playground"


async def test_a_deployment_becomes_available_and_readiness_moves_its_endpoints(
    node: Any, home: Any, eventually: Eventually
) -> None:
    labels = {"app": "web"}
    container = {
        "name": "web",
        "image": "test/web:1",
        "ports": [{"name": "http", "containerPort": 8080}],
        "readinessProbe": {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1, "failureThreshold": 1},
    }
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 5},
    }
    metadata = {"name": "web", "namespace": home.name}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    await home.cluster.create(
        DEPLOYMENT, {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
    )
    ports = [{"port": 80, "targetPort": "http"}]
    service = {"metadata": metadata, "spec": {"selector": labels, "ports": ports}}
    await home.cluster.create(SERVICE, {"apiVersion": "v1", "kind": "Service", **service})

    async def available() -> bool:
        deployment = await home.cluster.get(DEPLOYMENT, home.name, "web")
        return deployment is not None and deployment.get("status", {}).get("availableReplicas") == 2

    await eventually(available, "two available replicas")
    pods = await home.cluster.list(POD, home.name)
    addresses = sorted(pod["status"]["podIP"] for pod in pods)
    assert all(address.startswith(f"10.244.{node.instance.subnet}.") for address in addresses)

    async def both() -> bool:
        return bool(await home.ready_addresses() == addresses)

    await eventually(both, "both pods in the EndpointSlices")

    (stopped,) = node.containers(pods[0]["metadata"]["uid"])
    os.kill(stopped, signal.SIGSTOP)

    async def only_the_other() -> bool:
        return bool(await home.ready_addresses() == [pods[1]["status"]["podIP"]])

    await eventually(only_the_other, "the stopped pod leaves the ready endpoints")
    os.kill(stopped, signal.SIGCONT)
    await eventually(both, "the pod comes back")


async def test_a_crashing_container_is_in_crash_loop_back_off(home: Any, eventually: Eventually) -> None:
    await home.create_pod("exit 3")

    async def backs_off() -> Object | None:
        pod = await home.pod()
        assert pod is not None
        (status,) = pod["status"].get("containerStatuses") or [{"state": {}}]
        reason = status["state"].get("waiting", {}).get("reason")
        return status if reason == "CrashLoopBackOff" and status["restartCount"] >= 2 else None

    status = await eventually(backs_off, "CrashLoopBackOff after two restarts")
    assert status["lastState"]["terminated"]["exitCode"] == 3
    assert not status["ready"]


async def test_an_unknown_image_is_named_and_never_pulled(home: Any, eventually: Eventually) -> None:
    await home.create_pod(container={"image": "example.com/missing:9"})
    reason, message = await eventually(lambda: home.waiting_reason(), "a reason for waiting")
    assert reason == "ErrImageNeverPull"
    assert "example.com/missing:9 is not in playground/images.yaml" in message
    assert "test/shell:1" in message


async def test_a_selector_that_no_node_meets_leaves_the_pod_pending_with_the_reason(
    home: Any, eventually: Eventually
) -> None:
    await home.create_pod(nodeSelector={"gpu": "yes"})

    async def told() -> Object | None:
        pod = await home.pod()
        conditions = (pod or {}).get("status", {}).get("conditions") or []
        return next((c for c in conditions if c["type"] == "PodScheduled" and c["status"] == "False"), None)

    condition = await eventually(told, "PodScheduled=False")
    assert condition["reason"] == "Unschedulable"
    assert "playground lacks gpu=yes" in condition["message"]


async def test_a_job_completes_after_its_init_container(node: Any, home: Any, eventually: Eventually) -> None:
    shared = {"volumeMounts": [{"name": "shared", "mountPath": "/shared"}], "image": "test/shell:1"}
    pod_spec = {
        "restartPolicy": "Never",
        "volumes": [{"name": "shared", "emptyDir": {}}],
        "initContainers": [{"name": "first", "args": ["echo from init > /shared/note"], **shared}],
        "containers": [{"name": "app", "args": ["cat /shared/note"], **shared}],
    }
    metadata = {"name": "job", "namespace": home.name}
    body = {"apiVersion": "batch/v1", "kind": "Job", "metadata": metadata, "spec": {"template": {"spec": pod_spec}}}
    await home.cluster.create(JOB, body)

    async def succeeded() -> bool:
        job = await home.cluster.get(JOB, home.name, "job")
        return job is not None and job.get("status", {}).get("succeeded") == 1

    await eventually(succeeded, "the job's success")
    (pod,) = await home.cluster.list(POD, home.name)
    assert await home.logs(pod["metadata"]["name"]) == (200, "from init\n")
