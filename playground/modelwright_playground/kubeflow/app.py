"""Puts the rooms together: one web application whose every error has Kubeflow's body."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

from aiohttp import web

from modelwright.errors import ModelwrightError
from modelwright_playground.instance import Instance
from modelwright_playground.kubeflow.database import Database
from modelwright_playground.kubeflow.errors import INTERNAL, NOT_FOUND, ApiError
from modelwright_playground.kubeflow.execution import Environment, Executor
from modelwright_playground.kubeflow.experiments import Experiments
from modelwright_playground.kubeflow.pipeline_routes import PipelineRoutes
from modelwright_playground.kubeflow.pipelines import Pipelines
from modelwright_playground.kubeflow.run_routes import RunRoutes
from modelwright_playground.kubeflow.runs import Runs
from modelwright_playground.kubeflow.specs import LARGEST_PACKAGE

log = logging.getLogger("kubeflow")


class NoPipelineEnvironment(ModelwrightError):
    """The Python environment in which pipelines run is missing."""


def environment(instance: Instance) -> Environment:
    """Where runs execute: the pipelines' environment of the checkout. NoPipelineEnvironment if it was not made."""
    python = instance.repo / "pipelines" / ".venv" / "bin" / "python"
    if not python.exists():
        raise NoPipelineEnvironment("found no pipelines/.venv in the checkout, need what `make` prepares there")
    variables = {
        **{name: os.environ[name] for name in ("HOME", "PATH", "LANG") if name in os.environ},
        "PYTHONPATH": str(instance.repo / "pipelines"),
        "PYTHONUNBUFFERED": "1",
        # One thread per process: two runs at once on a laptop otherwise fight for its cores.
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
    }
    return Environment(python, variables, instance.dir / "kubeflow" / "cache")


@contextlib.asynccontextmanager
async def serving(folder: Path, environment: Environment, port: int) -> AsyncIterator[asyncio.Task[None]]:
    """Serves on 127.0.0.1 while the block runs, and ends all runs' processes after it. OSError if the port is taken.

    Gives the task that executes runs: it ends only by an error.
    """
    database = Database(folder / "kubeflow" / "pipelines.sqlite3")
    runs = Runs(database, folder / "kubeflow" / "runs")
    executor = Executor(runs, environment)
    pipelines, experiments = Pipelines(database), Experiments(database)
    app = web.Application(middlewares=[_errors], client_max_size=LARGEST_PACKAGE)
    app.add_routes([web.get("/apis/v2beta1/healthz", _healthz)])
    app.add_routes(experiments.routes())
    app.add_routes(PipelineRoutes(database, pipelines).routes())
    app.add_routes(RunRoutes(database, runs, pipelines, experiments, executor).routes())
    server = web.AppRunner(app, access_log=None)
    await server.setup()
    try:
        # Before the executor: a second server on the same folder must fail before it calls the first one's runs failed.
        await web.TCPSite(server, "127.0.0.1", port).start()
        work = asyncio.create_task(executor.serve())
        try:
            yield work
        finally:
            work.cancel()
            await asyncio.wait({work})
    finally:
        await server.cleanup()
        database.close()


async def run(instance: Instance) -> None:
    """Serves the instance until cancelled, and says in `ready/kubeflow` when it does."""
    async with serving(instance.dir, environment(instance), instance.ports.kubeflow) as work:
        instance.ready.mkdir(parents=True, exist_ok=True)
        (instance.ready / "kubeflow").write_text(f"{instance.kubeflow_url}\n", encoding="utf-8")
        log.info("serving on %s", instance.kubeflow_url)
        await work


async def _healthz(request: web.Request) -> web.Response:
    return web.json_response({"pipeline_store": "database"})


@web.middleware
async def _errors(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        return await handler(request)
    except ApiError as error:
        return web.json_response(error.body(), status=error.status)
    except web.HTTPException as error:
        body = {"code": NOT_FOUND, "message": error.reason, "details": []}
        return web.json_response(body, status=error.status)
    except (sqlite3.OperationalError, OSError):
        log.exception("%s %s failed", request.method, request.path)
        return web.json_response(ApiError(INTERNAL, "Internal Server Error: see the server's log").body(), status=500)
