"""ConfigMaps and identities on the real API server: what a pod is given."""

from collections.abc import Awaitable, Callable
from typing import Any

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import CONFIG_MAP

Eventually = Callable[..., Awaitable[Any]]


async def test_a_missing_config_map_is_named_and_waited_for(node: Any, home: Any, eventually: Eventually) -> None:
    variable = {"name": "WHO", "valueFrom": {"configMapKeyRef": {"name": "settings", "key": "who"}}}
    await home.create_pod("echo hello $WHO", restartPolicy="Never", container={"env": [variable]})
    reason = await eventually(lambda: home.waiting_reason(), "a reason for waiting")
    assert reason == ("CreateContainerConfigError", "ConfigMap settings not found")
    await home.create_config({"who": "world"})
    await eventually(lambda: home.in_phase("Succeeded"), "the pod's success")
    assert await home.logs("pod") == (200, "hello world\n")


async def test_a_mounted_config_map_follows_its_changes(node: Any, home: Any, eventually: Eventually) -> None:
    await home.create_config({"page": "one"})
    mount = {"name": "config", "mountPath": "/etc/app"}
    script = "until grep -q two /etc/app/page; do sleep 0.1; done; cat /etc/app/page"
    await home.create_pod(
        script,
        restartPolicy="Never",
        volumes=[{"name": "config", "configMap": {"name": "settings"}}],
        container={"volumeMounts": [mount]},
    )
    await eventually(lambda: home.in_phase("Running"), "the pod's start")
    await home.cluster.merge_patch(CONFIG_MAP, home.name, "settings", {"data": {"page": "two"}})
    await eventually(lambda: home.in_phase("Succeeded"), "the pod sees the change")
    assert await home.logs("pod") == (200, "two")


async def test_a_pod_has_its_service_accounts_identity(node: Any, home: Any, eventually: Eventually) -> None:
    pod = await home.create_pod()
    await eventually(lambda: home.in_phase("Running"), "the pod's start")
    kubeconfig = node.instance.dir / "pods" / pod["metadata"]["uid"] / "kubeconfig"
    own = await Cluster.connect(str(kubeconfig))
    try:
        api = "authentication.k8s.io/v1"
        review = {"apiVersion": api, "kind": "SelfSubjectReview"}
        answer = await own.raw("post", f"/apis/{api}/selfsubjectreviews", review)
    finally:
        await own.close()
    assert answer["status"]["userInfo"]["username"] == f"system:serviceaccount:{home.name}:default"
