"""Routes of runs: create from an inline spec or a pipeline's version, follow, list, end, archive, delete."""

from __future__ import annotations

import json
from typing import Any

from aiohttp import web

from modelwright_playground.kubeflow.bodies import json_body, struct, text
from modelwright_playground.kubeflow.database import Database, present
from modelwright_playground.kubeflow.errors import invalid
from modelwright_playground.kubeflow.execution import Executor
from modelwright_playground.kubeflow.experiments import Experiments
from modelwright_playground.kubeflow.listing import page
from modelwright_playground.kubeflow.pipelines import Pipelines
from modelwright_playground.kubeflow.runs import LISTABLE, Runs
from modelwright_playground.kubeflow.specs import Spec, check_parameters, checked


class RunRoutes:
    """Answers from the runs of the database, and hands them to the executor."""

    def __init__(
        self, database: Database, runs: Runs, pipelines: Pipelines, experiments: Experiments, executor: Executor
    ) -> None:
        self._database = database
        self._runs = runs
        self._pipelines = pipelines
        self._experiments = experiments
        self._executor = executor

    def routes(self) -> list[web.RouteDef]:
        """All routes of this room."""
        base = "/apis/v2beta1/runs"
        one = base + "/{id:[^/:]+}"
        return [
            web.post(base, self._create),
            web.get(base, self._list),
            web.get(base + "/{id}", self._get),
            web.delete(base + "/{id}", self._delete),
            web.post(one + ":terminate", self._terminate),
            web.post(one + ":retry", self._retry),
            web.post(one + ":archive", self._archive),
            web.post(one + ":unarchive", self._unarchive),
        ]

    async def _create(self, request: web.Request) -> web.Response:
        body = await json_body(request)
        name = text(body, "display_name")
        if not name:
            raise invalid("The run name is empty. Please specify a valid name")
        spec, pipeline_id, version_id = self._what_to_run(body)
        runtime = struct(body, "runtime_config")
        check_parameters(spec, struct(runtime, "parameters"))
        experiment_id = self._experiments.for_run(text(body, "experiment_id") or request.query.get("experiment_id", ""))
        given = {
            "experiment_id": experiment_id,
            "display_name": name,
            "description": text(body, "description"),
            "namespace": str(self._experiments.get(experiment_id)["namespace"]),
            "service_account": text(body, "service_account") or "pipeline-runner",
            "pipeline_id": pipeline_id,
            "pipeline_version_id": version_id,
        }
        kept = {name: runtime[name] for name in ("parameters", "pipeline_root") if name in runtime}
        run_id = self._runs.create(given, spec, kept)
        self._executor.submit(run_id)
        return web.json_response(self._runs.to_api(self._runs.get(run_id)))

    def _what_to_run(self, body: dict[str, Any]) -> tuple[Spec, str, str]:
        """The spec, and the pipeline and version that it came from ("" for an inline one)."""
        reference = struct(body, "pipeline_version_reference")
        if reference and body.get("pipeline_spec"):
            raise invalid("found both pipeline_spec and pipeline_version_reference, need one of them")
        if reference:
            pipeline_id = text(reference, "pipeline_id")
            version = self._pipelines.version(pipeline_id, text(reference, "pipeline_version_id"))
            return json.loads(version["pipeline_spec"]), pipeline_id, str(version["pipeline_version_id"])
        return checked(body.get("pipeline_spec")), "", ""

    async def _list(self, request: web.Request) -> web.Response:
        scope = {name: request.query[name] for name in ("experiment_id", "namespace") if request.query.get(name)}
        found = page(self._database, LISTABLE, request.query, scope)
        answer = {
            "runs": [self._runs.to_api(row) for row in found.rows],
            "total_size": found.total,
            "next_page_token": found.next_token,
        }
        return web.json_response(present(answer))

    async def _get(self, request: web.Request) -> web.Response:
        return web.json_response(self._runs.to_api(self._runs.get(request.match_info["id"])))

    async def _delete(self, request: web.Request) -> web.Response:
        self._executor.forget(request.match_info["id"])
        return web.json_response({})

    async def _terminate(self, request: web.Request) -> web.Response:
        self._executor.terminate(request.match_info["id"])
        return web.json_response({})

    async def _retry(self, request: web.Request) -> web.Response:
        self._executor.retry(request.match_info["id"])
        return web.json_response({})

    async def _archive(self, request: web.Request) -> web.Response:
        return self._store(request.match_info["id"], "ARCHIVED")

    async def _unarchive(self, request: web.Request) -> web.Response:
        return self._store(request.match_info["id"], "AVAILABLE")

    def _store(self, run_id: str, storage_state: str) -> web.Response:
        self._runs.get(run_id)
        self._runs.store(run_id, storage_state)
        return web.json_response({})
