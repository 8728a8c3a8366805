"""Sets the scene: a playground, history to learn from, a first model and a broken one, a pipeline, the operator."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from string import Template
from typing import Any

import kfp_server_api
import yaml

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import CUSTOM_RESOURCE_DEFINITION, NAMESPACE, Kind
from modelwright.errors import ModelwrightError
from modelwright_playground.child import dies_with_parent
from modelwright_playground.controlplane.build import binary
from modelwright_playground.instance import Instance

NEW_PLAN = "plan=student"
NEW_PLAN_SHARE = 0.12
"""Share of customers on a plan that the hotfix has never seen: what breaks it, and only it."""
RATE = 150
HOST = "churn.example.com"
OPERATOR_NAMESPACE = "modelwright-system"


class StageFailed(ModelwrightError):
    """Something that the demo needs could not be made; the message says what."""


@dataclass(frozen=True)
class Model:
    uri: str
    digest: str


class Stage:
    """Everything the demo makes inside `instance`; all of it goes with the instance's folder."""

    def __init__(self, instance: Instance) -> None:
        self.instance = instance
        self.lake = instance.data / "lake"
        self.models = instance.data / "models"
        self._load: subprocess.Popen[bytes] | None = None

    @property
    def labels(self) -> Path:
        return self.lake / "labelled" / "rows.jsonl"

    @property
    def load_url(self) -> str:
        return f"http://127.0.0.1:{self.instance.ports.load}"

    # --- before the cluster is there ---------------------------------------------------------------------------------

    async def make_history(self) -> None:
        """Labelled rows of the past, on which the first champion and the hotfix are trained."""
        self.lake.mkdir(parents=True, exist_ok=True)
        await _run([sys.executable, "-m", "modelwright_playground.load", "prefill", "--lake", str(self.lake)])

    async def make_model(self, name: str, *options: str) -> Model:
        """Train a model without a pipeline, on the history."""
        repo = self.instance.repo
        command = [str(repo / "pipelines/.venv/bin/python"), "-m", "modelwright_pipelines.make_model"]
        command += ["--data", self.lake.as_uri(), "--out", str(self.models / name), *options]
        made = json.loads(await _run(command, cwd=repo / "pipelines"))
        return Model(made["uri"], made["digest"])

    # --- with the cluster --------------------------------------------------------------------------------------------

    def upload_pipeline(self) -> None:
        configuration = kfp_server_api.Configuration(host=self.instance.kubeflow_url)
        with kfp_server_api.ApiClient(configuration) as client:
            package = self.instance.repo / "pipelines/compiled/churn-training.yaml"
            kfp_server_api.PipelineUploadServiceApi(client).upload_pipeline(str(package), name="churn-training")

    async def install_operator(self, cluster: Cluster, **more: Any) -> None:
        """Install the chart as a platform team would: rendered by Helm, applied to the API server.

        `more` are values of the chart, over those of the demo.
        """
        results = (self.instance.data / "results").as_uri()
        values = {
            "replicas": 1,
            "metricSources": [{"name": "default", "url": self.instance.prometheus_url, "scrapeInterval": "1s"}],
            "pipelineServers": [{"name": "default", "url": self.instance.kubeflow_url, "resultRoot": results}],
            "smokeCheck": {"proxy": self.instance.pod_proxy_url},
            **more,
        }
        path = self.instance.data / "values.yaml"
        path.write_text(yaml.safe_dump(values))
        chart = str(self.instance.repo / "charts/modelwright")
        command = [str(binary("helm")), "template", "modelwright", chart, "-n", OPERATOR_NAMESPACE, "-f", str(path)]
        # Hooks are for Helm alone: applied like the rest, the one for the uninstall would end what was just installed.
        command.append("--no-hooks")
        objects = [body for body in yaml.safe_load_all(await _run(command)) if body]
        await _apply_namespace(cluster, OPERATOR_NAMESPACE)
        for body in objects:
            await apply(cluster, body, OPERATOR_NAMESPACE)

    async def apply_manifests(self, cluster: Cluster, v1: Model) -> None:
        for body in self.manifests(v1):
            await apply(cluster, body, "ml")

    def manifests(self, v1: Model) -> list[dict[str, Any]]:
        text = (Path(__file__).parent / "manifests.yaml").read_text()
        filled = Template(text).substitute(
            lake=self.lake.as_uri(), labels=self.labels.as_uri(), v1_uri=v1.uri, v1_digest=v1.digest
        )
        return [body for body in yaml.safe_load_all(filled) if body]

    async def release_by_hand(self, cluster: Cluster, v1: Model, version: str, model: Model) -> None:
        """What somebody in a hurry does: name a model of their own in the ModelRollout."""
        rollout = next(body for body in self.manifests(v1) if body["kind"] == "ModelRollout")
        # Without a policy there is no evaluation whose predictions could be reproduced.
        del rollout["spec"]["modelFrom"], rollout["spec"]["baseline"], rollout["spec"]["promotion"]["smokeCheck"]
        rollout["spec"]["model"] = {"version": version, "uri": model.uri, "digest": model.digest}
        await apply(cluster, rollout, "ml")

    def load_arguments(self) -> list[str]:
        return [
            *("-m", "modelwright_playground.load"),
            *("--gateway", self.instance.gateway_url, "--host", HOST, "--model", "churn", "--rate", str(RATE)),
            *("--lake", str(self.lake), "--new-plan-share", str(NEW_PLAN_SHARE)),
            *("--control", f"127.0.0.1:{self.instance.ports.load}"),
        ]

    def start_load(self) -> None:
        """Send real rows through the gateway until `stop_load`, or until this process is gone."""
        command = [sys.executable, *self.load_arguments()]
        with (self.instance.logs / "load.log").open("wb") as log:
            self._load = subprocess.Popen(
                command,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                preexec_fn=dies_with_parent(),
            )

    def stop_load(self) -> None:
        if self._load:
            self._load.terminate()
            self._load.wait()


async def _run(command: list[str], cwd: Path | None = None) -> str:
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=dies_with_parent(),
    )
    out, err = await process.communicate()
    if process.returncode:
        last = err.decode(errors="replace").strip().splitlines()[-1:] or ["it said nothing"]
        raise StageFailed(f"{Path(command[0]).name} {' '.join(command[1:4])} failed: {last[0]}")
    return out.decode()


async def _apply_namespace(cluster: Cluster, name: str) -> None:
    body = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    await cluster.apply(NAMESPACE, body, manager="demo")


async def apply(cluster: Cluster, body: dict[str, Any], namespace: str) -> None:
    """Apply any manifest as `kubectl apply --server-side` does; `namespace` is for one that names none."""
    kind = await _kind_of(cluster, body)
    if kind.namespaced:
        body.setdefault("metadata", {}).setdefault("namespace", namespace)
    # The playground installed the definitions already, under its own name; Helm's are the same.
    manager = "modelwright-playground" if kind == CUSTOM_RESOURCE_DEFINITION else "demo"
    await cluster.apply(kind, body, manager=manager)


async def _kind_of(cluster: Cluster, body: dict[str, Any]) -> Kind:
    """Ask the API server for the plural and the scope of a manifest's kind."""
    group, _, version = body["apiVersion"].rpartition("/")
    path = f"/apis/{body['apiVersion']}" if group else f"/api/{version}"
    resources = (await cluster.raw("get", path))["resources"]
    found = next((r for r in resources if r["kind"] == body["kind"] and "/" not in r["name"]), None)
    if found is None:
        raise StageFailed(f"the API server does not know {body['apiVersion']} {body['kind']}")
    return Kind(group, version, found["name"], body["kind"], found["namespaced"])
