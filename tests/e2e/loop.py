"""The whole loop as the end-to-end tests see it: a running playground, the operator by its chart, v1 serving."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import HTTP_ROUTE, MODEL_ROLLOUT, NAMESPACE, POD, Kind
from modelwright_playground.demo.stage import OPERATOR_NAMESPACE, Model, Stage, apply
from modelwright_playground.instance import Instance

Object = dict[str, Any]

PATIENCE = 300.0
"""Seconds, for a machine on which much else runs."""


@dataclass(frozen=True)
class Loop:
    """`v1` and `v2` are good models; `hotfix` fails on the rows of a plan that it has never seen."""

    stage: Stage
    v1: Model
    v2: Model
    hotfix: Model

    @property
    def instance(self) -> Instance:
        return self.stage.instance

    def churn(self, **spec: Any) -> Object:
        """The demo's ModelRollout, with `spec` over its fields; None takes one out."""
        body = next(body for body in self.stage.manifests(self.v1) if body["kind"] == "ModelRollout")
        body["spec"] = {key: value for key, value in {**body["spec"], **spec}.items() if value is not None}
        return body

    def release(self, version: str, model: Model) -> Object:
        """The demo's ModelRollout that asks for `model` by name, with holds as short as they may be."""
        steps = [{"weight": 10, "hold": "2s"}, {"weight": 50, "hold": "2s"}]
        # Wide margins are decided on few requests: the tests are about the way there.
        errors = {
            "name": "errors",
            "preset": "RequestErrors",
            "compare": {"stable": {"maxIncrease": "0.05"}},
            "fastLimit": {"max": "0.05", "minEvents": 10},
        }
        return self.churn(
            modelFrom=None,
            baseline=None,
            model={"version": version, "uri": model.uri, "digest": model.digest},
            strategy={"canary": {"steps": steps}},
            analysis={"interval": "1s", "metrics": [errors]},
            promotion={"bakeTime": "2s", "scaleDownDelay": "2s"},
        )


async def eventually(
    found: Callable[[], Awaitable[Any] | Any],
    what: str,
    limit: float = PATIENCE,
    situation: Callable[[], Object] = dict,
) -> Any:
    """The first true answer of `found`, awaited if need be.

    AssertionError with `what` was waited for and with the `situation` after `limit` seconds.
    """
    deadline = time.monotonic() + limit
    while time.monotonic() < deadline:
        answer = found()
        if isinstance(answer, Awaitable):
            answer = await answer
        if answer:
            return answer
        await asyncio.sleep(0.2)
    raise AssertionError(f"not within {limit:g} s: {what}; {situation()}")


async def has_condition(
    cluster: Cluster, kind: Kind, namespace: str, name: str, type_: str, reason: str = ""
) -> Object:
    """Wait until the condition `type_` is True (with `reason`, if given) for the present generation; returns it."""
    last: Object = {}

    async def found() -> Object | None:
        nonlocal last
        last = await cluster.get(kind, namespace, name) or {}
        generation = last.get("metadata", {}).get("generation")
        for condition in last.get("status", {}).get("conditions", []):
            is_it = condition["type"] == type_ and condition["status"] == "True"
            if is_it and reason in ("", condition["reason"]) and condition["observedGeneration"] == generation:
                return dict(condition)
        return None

    try:
        condition: Object = await eventually(found, "")
    except AssertionError:
        said = [
            (c["type"], c["status"], c["reason"], c["message"]) for c in last.get("status", {}).get("conditions", [])
        ]
        raise AssertionError(f"{kind.name} {name} never said {type_} {reason}; it says {said}") from None
    return condition


async def candidate_weight(cluster: Cluster, namespace: str, name: str) -> int | None:
    """The candidate's weight on the live route, None without a route."""
    route = await cluster.get(HTTP_ROUTE, namespace, name)
    if route is None:
        return None
    backends = route["spec"]["rules"][0]["backendRefs"]
    return next(int(backend["weight"]) for backend in backends if backend["name"].endswith("-candidate"))


async def make_namespace(cluster: Cluster, name: str) -> None:
    """A namespace with a Gateway `public` of its own."""
    await cluster.apply(NAMESPACE, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    listener = {"name": "http", "protocol": "HTTP", "port": 80}
    gateway = {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": {"name": "public", "namespace": name},
        "spec": {"gatewayClassName": "modelwright-playground", "listeners": [listener]},
    }
    await apply(cluster, gateway, name)


def quick_rollout(name: str, *, pods: Object | None = None, **spec: Any) -> Object:
    """A rollout of pods that start at once and know no model, for tests that do not ask what a model answers.

    Its one metric always passes, and its steps hold for ten minutes: what moves it on is the test.
    """
    container = {
        "name": "model",
        "image": "modelwright.dev/static:1.0",
        "ports": [{"name": "http", "containerPort": 8080}],
        # A pod that is only slow stays ready: what comes of one that is not is the subject of other tests.
        "readinessProbe": {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1, "timeoutSeconds": 30},
    }
    annotations = {"prometheus.io/scrape": "true", "prometheus.io/port": "8080"}
    template = {
        "metadata": {"annotations": annotations},
        "spec": pods or {"terminationGracePeriodSeconds": 1, "containers": [container]},
    }
    managed = {"parentRefs": [{"name": "public"}], "hostnames": [f"{name}.example.com"]}
    passes = {"name": "scraped", "value": {"query": "up{$(selector)}"}, "compare": {"threshold": {"max": "1"}}}
    fields = {
        "model": {"version": "v1", "uri": "file:///models/v1"},
        "workload": {"deployment": {"template": template}},
        "traffic": {"httpRoute": {"managed": managed}, "confirm": "RouteAccepted"},
        "strategy": {"canary": {"steps": [{"weight": 10, "hold": "10m"}, {"weight": 50, "hold": "10m"}]}},
        "analysis": {"interval": "1s", "metrics": [passes]},
        "promotion": {"bakeTime": "1s", "scaleDownDelay": "0s"},
        **spec,
    }
    return {
        "apiVersion": MODEL_ROLLOUT.api_version,
        "kind": "ModelRollout",
        "metadata": {"name": name},
        "spec": {key: value for key, value in fields.items() if value is not None},
    }


async def operator_pod(cluster: Cluster) -> Object:
    """The operator's only pod that is not about to go."""
    pods = [pod for pod in await cluster.list(POD, OPERATOR_NAMESPACE) if "deletionTimestamp" not in pod["metadata"]]
    assert len(pods) == 1, f"expected one pod of the operator, found {len(pods)}"
    return pods[0]
