"""ModelRollout on a real API server and controller manager, with a fake kubelet, a fake gateway and fake looks."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from tests.integration.fake_kubelet import make_pods_ready
from tests.integration.stage import Stage

from modelwright.audit.chain import verify
from modelwright.audit.trail import Trail
from modelwright.cluster.keys import DEPLOYMENT, HTTP_ROUTE, MODEL_ROLLOUT, POD, SERVICE, Kind
from modelwright.errors import Conflict
from modelwright.rollouts.reconcile import reconcile_rollout
from modelwright.traffic import routers
from modelwright.traffic.managed_route import ManagedRouter


async def test_a_first_version_and_a_second_one_go_live_and_the_old_pods_go(stage: Stage) -> None:
    await stage.create()
    await stage.play(lambda: stage.serves("v1"))
    assert await stage.weights() == [100, 0]
    assert (await stage.condition("Ready"))["reason"] == "Promoted"
    await stage.edit({"model": {"version": "v2", "uri": "s3://models/churn/v2"}})
    await stage.play(lambda: stage.serves("v2"))
    assert await stage.weights() == [100, 0]
    assert "WeightRaised" in stage.told.reasons
    assert "Promoted" in stage.told.reasons

    async def alone() -> bool:
        return len(await stage.cluster.list(DEPLOYMENT, stage.namespace)) == 1

    await stage.play(alone)
    selectors = {
        body["spec"]["selector"]["modelwright.dev/revision"]
        for body in await stage.cluster.list(SERVICE, stage.namespace)
    }
    assert selectors == {(await stage.body())["status"]["stable"]["revision"]}


async def test_a_bad_version_is_rolled_back_and_stalls(stage: Stage) -> None:
    stage.looks.candidate_errors = 2_000
    errors = {"name": "errors", "preset": "RequestErrors", "fastLimit": {"max": "0.05", "minEvents": 20}}
    await stage.create(analysis={"interval": "1s", "metrics": [errors]})
    await stage.play(lambda: stage.serves("v1"))
    await stage.edit({"model": {"version": "v2", "uri": "s3://models/churn/v2"}})

    async def rejected() -> bool:
        return bool((await stage.body())["status"].get("rejected")) and await stage.serves("v1")

    await stage.play(rejected)
    await stage.play(lambda: _is(stage, "Stalled", "RolledBack"))
    assert await stage.weights() == [100, 0]
    assert "errors" in (await stage.condition("Stalled"))["message"]


async def test_a_rollback_makes_the_revision_again_from_its_record_and_stays_there(stage: Stage) -> None:
    await stage.create(promotion={"bakeTime": "0s", "scaleDownDelay": "0s", "rollbackWindow": {"revisions": 1}})
    await stage.play(lambda: stage.serves("v1"))
    first = (await stage.body())["status"]["stable"]["revision"]
    await stage.edit({"model": {"version": "v2", "uri": "s3://models/churn/v2"}})
    await stage.play(lambda: stage.serves("v2"))

    async def alone() -> bool:
        return len(await stage.cluster.list(DEPLOYMENT, stage.namespace)) == 1

    await stage.play(alone)
    command = {"modelwright.dev/command": f"rollback/1/{first}", "modelwright.dev/actor": "alice"}
    await stage.cluster.merge_patch(MODEL_ROLLOUT, stage.namespace, "churn", {"metadata": {"annotations": command}})
    await stage.play(lambda: stage.serves("v1"))
    status = (await stage.body())["status"]
    assert (status["stable"]["revision"], status["pin"]["revision"], status["pin"]["actor"]) == (first, first, "alice")
    assert stage.told.reasons.count("WeightRaised") <= 4, "the way back took steps"
    await stage.play(lambda: _is(stage, "Pinned", "Pinned"))
    assert (await stage.condition("Ready"))["reason"] == "Pinned"


async def _is(stage: Stage, type_: str, reason: str) -> bool:
    return (await stage.condition(type_)).get("reason") == reason


async def test_a_second_pass_with_nothing_changed_writes_nothing(stage: Stage) -> None:
    await stage.create()
    await stage.play(lambda: stage.serves("v1"))
    await reconcile_rollout(stage.key, stage.room)
    before = (await stage.body())["metadata"]["resourceVersion"], (await stage.route())["metadata"]["resourceVersion"]
    for _ in range(3):
        await reconcile_rollout(stage.key, stage.room)
    after = (await stage.body())["metadata"]["resourceVersion"], (await stage.route())["metadata"]["resourceVersion"]
    assert before == after


async def test_a_raise_is_refused_on_a_route_that_changed_since_it_was_read(stage: Stage) -> None:
    from modelwright.api.parsing import parse_rollout
    from modelwright.rollouts.actions import WriteRoute
    from modelwright.rollouts.apply import apply
    from modelwright.traffic.route import Split

    await stage.create()
    await stage.play(lambda: stage.serves("v1"))
    stale = (await stage.route())["metadata"]["resourceVersion"]
    patch = {"metadata": {"annotations": {"edited": "meanwhile"}}}
    await stage.cluster.merge_patch(HTTP_ROUTE, stage.namespace, "churn", patch)
    rollout = parse_rollout(await stage.body())
    with pytest.raises(Conflict):
        await apply(stage.cluster, rollout, (WriteRoute(Split(50), stale),))
    assert await stage.weights() == [100, 0]


async def test_a_pod_template_that_the_server_refuses_is_stalled_with_its_words(stage: Stage) -> None:
    ports = [{"name": "http", "containerPort": 8080}]
    template = {"spec": {"containers": [{"name": "model", "image": "serve:1", "ports": ports, "comand": ["x"]}]}}
    await stage.create(workload={"deployment": {"template": template}})
    await stage.reconcile()
    condition = await stage.condition("Stalled")
    assert condition["reason"] == "InvalidPodTemplate"
    assert "comand" in condition["message"]


async def test_a_route_that_no_gateway_accepts_is_stalled_with_the_reason(stage: Stage) -> None:
    await stage.create()

    async def route_exists() -> bool:
        return await stage.cluster.get(HTTP_ROUTE, stage.namespace, "churn") is not None

    async def act() -> None:
        await make_pods_ready(stage.cluster, stage.namespace)
        await reconcile_rollout(stage.key, stage.room)

    await stage.repeat(act, route_exists)
    route = await stage.route()
    refused = {
        "type": "Accepted",
        "status": "False",
        "reason": "NoMatchingParent",
        "message": "no listener matches",
        "observedGeneration": route["metadata"]["generation"],
        "lastTransitionTime": "2026-11-21T08:00:00Z",
    }
    parent = {"parentRef": {"name": "public"}, "controllerName": "modelwright.dev/fake", "conditions": [refused]}
    await stage.cluster.merge_patch(HTTP_ROUTE, stage.namespace, "churn", {"status": {"parents": [parent]}}, "status")
    await stage.repeat(act, lambda: stage.condition("Stalled"))
    condition = await stage.condition("Stalled")
    assert condition["reason"] == "RouteNotAccepted"
    assert "NoMatchingParent" in condition["message"]


async def test_without_the_gateway_api_it_says_what_to_install_and_goes_on_once_it_is_there(
    stage: Stage, monkeypatch: pytest.MonkeyPatch
) -> None:
    unknown = Kind("gateway.networking.k8s.io", "v0", "httproutes", "HTTPRoute")
    with monkeypatch.context() as patch:
        patch.setitem(routers.MANAGED, "HTTPRoute", ManagedRouter(unknown))
        await stage.create()
        await stage.play(lambda: _is(stage, "Stalled", "GatewayApiNotInstalled"))
        message = (await stage.condition("Stalled"))["message"]
        found, needed = message.split(": ")
        assert found == "the API server does not serve /apis/gateway.networking.k8s.io/v0"
        assert needed == "install the Gateway API, with HTTPRoute"
        told = stage.told.reasons.count("GatewayApiNotInstalled")
        await stage.reconcile()
        assert stage.told.reasons.count("GatewayApiNotInstalled") == told == 1
    await stage.play(lambda: stage.serves("v1"))
    assert await stage.condition("Stalled") == {}


async def test_everything_goes_with_the_object(stage: Stage) -> None:
    await stage.create()
    await stage.play(lambda: stage.serves("v1"))
    await stage.cluster.delete(MODEL_ROLLOUT, stage.namespace, "churn")

    async def gone() -> bool:
        kinds = (DEPLOYMENT, SERVICE, HTTP_ROUTE)
        return not any([await stage.cluster.list(kind, stage.namespace) for kind in kinds])

    async def pods_end() -> None:
        await make_pods_ready(stage.cluster, stage.namespace)

    await stage.repeat(pods_end, gone)
    assert await stage.reconcile() is None


async def test_never_touches_a_service_of_somebody_else(stage: Stage) -> None:
    spec = {"ports": [{"port": 80}], "selector": {"app": "theirs"}}
    metadata = {"name": "churn-stable", "namespace": stage.namespace}
    theirs = await stage.cluster.create(
        SERVICE, {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}
    )
    await stage.create()
    await stage.reconcile()
    assert await stage.cluster.get(SERVICE, stage.namespace, "churn-stable") == theirs
    condition = await stage.condition("Stalled")
    assert condition["reason"] == "NameTaken"
    assert "Service churn-stable" in condition["message"]


async def test_an_orphaning_deletion_leaves_stable_serving_and_a_new_rollout_takes_it_over(stage: Stage) -> None:
    await stage.create()
    await stage.play(lambda: stage.serves("v1"))
    before = {d["metadata"]["uid"] for d in await stage.cluster.list(DEPLOYMENT, stage.namespace)}
    await stage.cluster.delete(MODEL_ROLLOUT, stage.namespace, "churn", propagation="Orphan")

    async def gone() -> bool:
        return await stage.cluster.get(MODEL_ROLLOUT, stage.namespace, "churn") is None

    await stage.repeat(nothing, gone)
    await stage.create()
    await stage.play(lambda: stage.serves("v1"))
    deployments = await stage.cluster.list(DEPLOYMENT, stage.namespace)
    assert {d["metadata"]["uid"] for d in deployments} == before
    uid = (await stage.body())["metadata"]["uid"]
    for kind in (DEPLOYMENT, SERVICE, HTTP_ROUTE):
        for body in await stage.cluster.list(kind, stage.namespace):
            assert [owner["uid"] for owner in body["metadata"]["ownerReferences"]] == [uid]


async def nothing() -> None:
    """Others do it."""


class Killed(Conflict):
    """Stands for the end of the process: whoever comes next looks again."""


class DiesBeforeSaving:
    """The cluster of a process that ends once: before it saves the first decision that has a line."""

    def __init__(self, cluster: Any, lines: list[str]) -> None:
        self._cluster, self._lines, self._died = cluster, lines, False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._cluster, name)

    async def replace(self, *args: Any, **options: Any) -> Any:
        if self._lines and not self._died:
            self._died = True
            raise Killed("killed")
        return await self._cluster.replace(*args, **options)


async def test_a_kill_before_the_status_is_saved_leaves_no_decision_without_a_line(stage: Stage) -> None:
    lines: list[str] = []
    dying: Any = DiesBeforeSaving(stage.cluster, lines)
    stage.room = replace(stage.room, cluster=dying, audit=Trail(lines.append, "operator-0", stage.room.now))
    await stage.create()
    await stage.play(lambda: stage.serves("v1"))
    decided = [json.loads(line)["decision"] for line in lines]
    assert stage.told.reasons == ["Promoted"]
    assert decided == ["Promoted", "Promoted"], "what is decided again after a kill has a line for each time"
    assert verify(lines).broken == ""


async def test_a_route_follows_its_host_names_in_mid_step_and_restarted_pods_stay_restarted(stage: Stage) -> None:
    await stage.create()
    await stage.play(lambda: stage.serves("v1"))
    await stage.edit(
        {
            "model": {"version": "v2", "uri": "s3://models/churn/v2"},
            "strategy": {"canary": {"steps": [{"weight": 50, "hold": "1h"}]}},
        }
    )

    async def holds() -> bool:
        return "confirmedAt" in (await stage.body())["status"].get("step", {})

    await stage.play(holds)
    hosts = ["churn.example.com", "churn.example.org"]
    await stage.edit({"traffic": {"httpRoute": {"managed": {"hostnames": hosts}}}})
    # What `kubectl rollout restart` writes.
    template = {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-21T20:00:00Z"}}}
    candidate = (await stage.body())["status"]["candidate"]["revision"]
    before = {pod["metadata"]["uid"] for pod in await _pods(stage, candidate)}
    metadata = {"name": f"churn-{candidate}", "namespace": stage.namespace}
    body = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": {"template": template}}
    await stage.cluster.apply(DEPLOYMENT, body, manager="kubectl-rollout", force=False)

    async def restarted() -> bool:
        pods = await _pods(stage, candidate)
        return len(pods) == len(before) and not before & {pod["metadata"]["uid"] for pod in pods}

    await stage.play(restarted)
    assert (await stage.route())["spec"]["hostnames"] == hosts
    assert await stage.weights() == [50, 50]
    status = (await stage.body())["status"]
    assert (status["step"]["weight"], status.get("rejected")) == (50, None)
    # Scaling, which is what we do to a Deployment, leaves the template alone.
    await stage.edit({"replicas": 3})

    async def scaled() -> bool:
        return len(await _pods(stage, candidate)) == 2

    await stage.play(scaled)
    live = await stage.cluster.get(DEPLOYMENT, stage.namespace, f"churn-{candidate}")
    assert live
    assert live["spec"]["template"]["metadata"]["annotations"] == template["metadata"]["annotations"]


async def _pods(stage: Stage, revision: str) -> list[dict[str, Any]]:
    found = await stage.cluster.list(POD, stage.namespace, {"modelwright.dev/revision": revision})
    return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]
