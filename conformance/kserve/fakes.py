"""What stays a fake: kubelet, Gateway, autoscaler of Deployments, and of Knative the autoscaler and the ingress.

They only say "ready" of what is made: the autoscaler of a Revision whose pods are ready. It never takes pods away.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.integration.fake_kubelet import accept_route, make_pods_ready

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import DEPLOYMENT, HTTP_ROUTE, Kind

AUTOSCALER = Kind("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler")
POD_AUTOSCALER = Kind("autoscaling.internal.knative.dev", "v1alpha1", "podautoscalers", "PodAutoscaler")
KNATIVE_INGRESS = Kind("networking.internal.knative.dev", "v1alpha1", "ingresses", "Ingress")
BALANCER = {"ingress": [{"domainInternal": "gateway.knative-serving.svc.cluster.local"}]}

Object = Mapping[str, Any]


async def act(cluster: Cluster, namespace: str) -> None:
    """Let all of them do what there is to do now."""
    for body in await cluster.list(AUTOSCALER, namespace):
        await _scale(cluster, namespace, body)
    await make_pods_ready(cluster, namespace)
    for route in await cluster.list(HTTP_ROUTE, namespace):
        await accept_route(cluster, namespace, route["metadata"]["name"])
    running = {
        body["metadata"]["name"]
        for body in await cluster.list(DEPLOYMENT, namespace)
        if body.get("status", {}).get("readyReplicas")
    }
    for body in await cluster.list(POD_AUTOSCALER, namespace):
        name = body["metadata"]["name"]
        if f"{name}-deployment" in running:
            said = {"serviceName": name, "metricsServiceName": f"{name}-private", "desiredScale": 1, "actualScale": 1}
            await _say(cluster, POD_AUTOSCALER, body, said, "Active", "ScaleTargetInitialized", "SKSReady", "Ready")
    for body in await cluster.list(KNATIVE_INGRESS, namespace):
        said = {"publicLoadBalancer": BALANCER, "privateLoadBalancer": BALANCER}
        await _say(cluster, KNATIVE_INGRESS, body, said, "LoadBalancerReady", "NetworkConfigured", "Ready")


async def _scale(cluster: Cluster, namespace: str, autoscaler: Object) -> None:
    """As the real one does where it has no metrics: within its bounds, and no further."""
    name = autoscaler["spec"]["scaleTargetRef"]["name"]
    deployment = await cluster.get(DEPLOYMENT, namespace, name)
    if deployment is None:
        return
    now = deployment["spec"]["replicas"]
    wanted = min(max(now, autoscaler["spec"]["minReplicas"]), autoscaler["spec"]["maxReplicas"])
    if wanted != now:
        await cluster.merge_patch(DEPLOYMENT, namespace, name, {"spec": {"replicas": wanted}}, "scale")


async def _say(cluster: Cluster, kind: Kind, body: Object, said: Mapping[str, Any], *conditions: str) -> None:
    status, generation = body.get("status", {}), body["metadata"]["generation"]
    if status.get("observedGeneration") == generation and status.get("conditions", [{}])[-1].get("status") == "True":
        return
    told = [{"type": type_, "status": "True"} for type_ in conditions]
    wanted = {"status": {**said, "observedGeneration": generation, "conditions": told}}
    await cluster.merge_patch(kind, body["metadata"]["namespace"], body["metadata"]["name"], wanted, "status")
