"""Each trigger where its real part exists: policies on a real API server, numbers from a real Prometheus, markers in a
real folder. What fires creates a real RetrainRun, which nothing launches. Kubeflow is a fake.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.metrics.exporting import PATIENCE, Exporter, RealPrometheus
from tests.retraining.builders import NOW
from tests.retraining.fakes import FakeBackground, FakeEvents, FakeKubeflow

from modelwright.cluster.access import Cluster
from modelwright.cluster.answers import Answer
from modelwright.cluster.keys import CONFIG_MAP, MODEL_ROLLOUT, RETRAIN_POLICY, RETRAIN_RUN, Key
from modelwright.cluster.room import Room
from modelwright.configuration import Configuration
from modelwright.errors import Conflict
from modelwright.kubeflow.asking import Asker
from modelwright.kubeflow.configuration import PipelineServer
from modelwright.metrics.asking import Asker as MetricAsker
from modelwright.retraining.reconcile import reconcile_policy

DIGEST = "sha256:" + "0" * 64
MODEL = {"version": "v2", "uri": "file:///results/v2", "digest": DIGEST}
PROMOTED = datetime.now(UTC) - timedelta(days=3)
RIGHT = {"events": "right_total{$(champion)}", "total": "labelled_total{$(champion)}", "window": "10m"}
EUROS = {
    "count": "n_total{$(champion)}",
    "sum": "s_total{$(champion)}",
    "sumOfSquares": "q_total{$(champion)}",
    "bounds": {"min": "0", "max": "500"},
    "window": "10m",
}
DRIFT = {"preset": "ModelwrightMonitor", "maxShare": "0.3", "minSamples": 5000, "source": "real"}
FALLEN = {"proportion": RIGHT, "min": "0.90", "source": "real"}
QUIET = {"proportion": RIGHT, "min": "0.10", "source": "real"}

POLICIES: dict[str, list[dict[str, Any]]] = {
    "share": [{"name": "share", "metric": FALLEN}],
    "healthy": [{"name": "healthy", "metric": QUIET}],
    "average": [{"name": "average", "metric": {"mean": EUROS, "min": "20", "source": "real"}}],
    "baseline": [
        {"name": "baseline", "metric": {"proportion": RIGHT, "baseline": {"maxDecrease": "0.1"}, "source": "real"}}
    ],
    "drifted": [{"name": "drifted", "drift": DRIFT}],
    "together": [
        {"name": "drifted", "action": "Notify", "drift": DRIFT},
        {"name": "share", "action": "Notify", "metric": FALLEN},
        {"name": "both", "allOf": {"triggers": ["drifted", "share"], "window": "1h"}},
    ],
    "alone": [
        {"name": "drifted", "action": "Notify", "drift": DRIFT},
        {"name": "share", "action": "Notify", "metric": QUIET},
        {"name": "both", "allOf": {"triggers": ["drifted", "share"], "window": "1h"}},
    ],
    "regretted": [{"name": "regretted", "action": "RevertToPrevious", "within": "168h", "metric": FALLEN}],
    "rows": [{"name": "rows", "data": {"query": "sum(lake_rows)", "grownBy": 5000, "source": "real"}}],
    "settings": [{"name": "settings", "data": {"configMap": {"name": "settings", "key": "snapshot"}}}],
    "marked": [{"name": "marked", "data": {"objects": {"prefix": "file://LAKE/churn"}}}],
    "downstream": [{"name": "downstream", "after": {"retrainPolicyRef": {"name": "upstream"}}}],
    "upstream": [{"name": "weekly", "schedule": {"cron": "0 3 * * 0"}}],
}
FIRES = ("share", "average", "drifted", "together", "rows", "settings", "marked", "downstream")


class WithPurpose(FakeKubeflow):
    def pipeline_version(self, name: str, version: str, namespace: str) -> tuple[str, Any]:
        parameters = {each: {"parameterType": "STRING"} for each in ("result_uri", "run_uid")}
        parameters["purpose"] = {"parameterType": "STRING", "isOptional": True}  # type: ignore[dict-item]
        spec = {"root": {"inputDefinitions": {"parameters": parameters}}}
        return "p", SimpleNamespace(pipeline_version_id="v", display_name="1", pipeline_spec=spec)


def page(rows: int, looks: int = 1) -> str:
    """Half of the labels right, 10 euros on average, two of five features drifted."""
    shares = "".join(f'modelwright_drift_effect{{feature="f{n}"}} {n / 10}\n' for n in (0, 1, 1.5, 3, 4))
    counted = {"labelled": 2000, "right": 1000, "n": 2000, "s": 20_000, "q": 200_000}
    counts = "".join(f"{name}_total {number * looks}\n" for name, number in counted.items())
    return f"{counts}modelwright_drift_rows 7000\n{shares}lake_rows {rows}\n"


class Stage:
    """An operator of policies, whose questions are answered as they are asked."""

    def __init__(self, cluster: Cluster, namespace: str, lake: Path, prometheus: RealPrometheus) -> None:
        self.cluster, self.namespace, self.lake = cluster, namespace, lake
        server = PipelineServer("default", "http://127.0.0.1:9", "file:///results", data_roots=(f"file://{lake}",))
        self._pipelines = Asker({"default": server}, connect=lambda _: WithPurpose(NOW))  # type: ignore[arg-type,return-value]
        self._source = prometheus.source
        self._background = FakeBackground()
        self._room = Room(
            cluster=cluster,
            background=self._background,  # type: ignore[arg-type]
            events=FakeEvents(),
            may_raise=lambda: True,
            configuration=Configuration(sources={"real": prometheus.source.configuration}, servers={"default": server}),
        )

    async def set_up(self) -> None:
        await self.cluster.create(CONFIG_MAP, self._named("v1", "ConfigMap", "settings", data={"snapshot": "1"}))
        self.mark("day=1")
        for name, triggers in POLICIES.items():
            written = [self._placed(trigger) for trigger in triggers]
            spec = {
                "triggers": written,
                "pipeline": {"name": "churn-training"},
                "gate": {"checks": [{"name": "floor", "metric": "accuracy", "min": "0.90"}]},
            }
            await self.cluster.create(
                RETRAIN_POLICY, self._named(RETRAIN_POLICY.api_version, "RetrainPolicy", name, spec=spec), strict=True
            )
            await self._follow(name)

    def mark(self, day: str) -> None:
        folder = self.lake / "churn" / day
        folder.mkdir(parents=True)
        (folder / "_SUCCESS").write_text("")

    async def approve_upstream(self) -> None:
        body = await self.policy("upstream")
        approved = {"number": 7, "version": "up-7", "uri": "file:///up/7", "digest": DIGEST, "retrainRun": "up-7"}
        await self.cluster.replace(
            RETRAIN_POLICY, {**body, "status": {**body["status"], "approved": approved}}, subresource="status"
        )

    async def change_settings(self) -> None:
        body = await self.cluster.get(CONFIG_MAP, self.namespace, "settings")
        assert body is not None
        await self.cluster.replace(CONFIG_MAP, {**body, "data": {"snapshot": "2"}})

    async def policy(self, name: str) -> dict[str, Any]:
        body = await self.cluster.get(RETRAIN_POLICY, self.namespace, name)
        assert body is not None
        return dict(body)

    async def runs(self) -> dict[str, dict[str, Any]]:
        """By the name of their policy."""
        found = await self.cluster.list(RETRAIN_RUN, self.namespace)
        return {body["spec"]["policyRef"]["name"]: dict(body) for body in found}

    async def look(self) -> None:
        """Three passes over every policy, with what each asks answered before the next."""
        # A new one: otherwise it answers with what it knows until a question's interval is over.
        metrics = MetricAsker({"real": self._source})
        for name in POLICIES:
            key = Key(RETRAIN_POLICY.name, self.namespace, name)
            for _ in range(3):
                at = datetime.now(UTC)
                for question in self._background.wanted.get(key, ()):
                    asker = metrics if question.pool.startswith("prometheus/") else self._pipelines
                    self._background.given[key, question] = Answer(at, at, asker.ask(question))
                try:
                    await reconcile_policy(key, self._room)
                except Conflict:
                    continue

    def _placed(self, trigger: dict[str, Any]) -> dict[str, Any]:
        if "objects" not in trigger.get("data", {}):
            return trigger
        return {**trigger, "data": {"objects": {"prefix": f"file://{self.lake}/churn"}}}

    async def _follow(self, policy: str) -> None:
        """A rollout that serves v2, promoted three days ago, and before that v1."""
        container = {"name": "m", "ports": [{"name": "http", "containerPort": 8080}]}
        spec = {
            "modelFrom": {"retrainPolicyRef": {"name": policy}},
            "baseline": MODEL,
            "workload": {"deployment": {"template": {"spec": {"containers": [container]}}}},
            "traffic": {"httpRoute": {"managed": {"parentRefs": [{"name": "public"}]}}},
            "strategy": {"canary": {"steps": [{"weight": 50, "hold": "10s"}]}},
        }
        created = await self.cluster.create(
            MODEL_ROLLOUT, self._named(MODEL_ROLLOUT.api_version, "ModelRollout", policy, spec=spec)
        )
        at = [f"{PROMOTED - timedelta(days=days):%Y-%m-%dT%H:%M:%SZ}" for days in (0, 30)]
        status = {
            "observedGeneration": 1,
            "stable": {**MODEL, "revision": "77d0aa91c2", "weight": 100},
            "history": [
                {"revision": "77d0aa91c2", "version": "v2", "result": "Promoted", "at": at[0]},
                {"revision": "0123456789", "version": "v1", "result": "Promoted", "at": at[1]},
            ],
        }
        await self.cluster.replace(MODEL_ROLLOUT, {**created, "status": status}, subresource="status")

    def _named(self, api_version: str, kind: str, name: str, **body: Any) -> dict[str, Any]:
        metadata = {"name": name, "namespace": self.namespace}
        return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **body}


@pytest.fixture(scope="module")
def prometheus(programs: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RealPrometheus]:
    prometheus = RealPrometheus(tmp_path_factory.mktemp("prometheus"))
    yield prometheus
    prometheus.close()


async def test_each_trigger_starts_what_it_is_there_for(
    cluster: Cluster, namespace: str, tmp_path: Path, prometheus: RealPrometheus
) -> None:
    stage = Stage(cluster, namespace, tmp_path, prometheus)
    exporters = {
        name: Exporter(namespace=namespace, rollout=name, revision="77d0aa91c2", pod=name)
        for name in POLICIES
        if name not in ("rows", "settings", "marked", "downstream", "upstream")
    }
    lake = exporters["share"]
    prometheus.scrape(*exporters.values())
    # Counters that begin within the window have to be seen to grow.
    with ThreadPoolExecutor(len(exporters)) as each:
        for looks in (1, 2):
            pages = (page(1000 if exporter is lake else 0, looks) for exporter in exporters.values())
            list(each.map(Exporter.show, exporters.values(), pages))
    await stage.set_up()
    await stage.look()
    assert {"rows", "settings", "marked", "downstream"} & set(await stage.runs()) == set()

    lake.show(page(900_000, 2))
    stage.mark("day=2")
    await stage.change_settings()
    await stage.approve_upstream()
    # A value is gone for a moment when a scrape was late.
    async with asyncio.timeout(PATIENCE):
        while set(await stage.runs()) < set(FIRES):
            await stage.look()
    runs = await stage.runs()
    stalled = {
        name: found
        for name in POLICIES
        if (found := [c for c in (await stage.policy(name))["status"]["conditions"] if c["type"] == "Stalled"])
    }
    assert stalled == {}
    assert sorted(runs) == sorted(FIRES)
    purposes = {name: body["spec"].get("purpose", "Retrain") for name, body in runs.items()}
    assert purposes == {**dict.fromkeys(FIRES, "Retrain"), "drifted": "Evaluate"}
    evidence = {name: body["spec"]["evidence"][0] for name, body in runs.items()}
    assert evidence["together"]["trigger"] == "both"
    assert evidence["share"]["value"] == "0.5"
    assert evidence["drifted"]["value"] == "0.4"
    assert evidence["average"]["value"] == "10"

    reverted = (await stage.policy("regretted"))["status"]["reverted"]
    assert (reverted["version"], reverted["trigger"]) == ("v2", "regretted")
    recorded = (await stage.policy("baseline"))["status"]["triggers"][0]
    assert (recorded["verdict"], recorded["baseline"]["value"]) == ("Quiet", "0.5")
