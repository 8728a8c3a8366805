"""One whole playground for the end-to-end tests that can share it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator

import pytest
from tests.e2e.loop import Loop, has_condition

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import MODEL_ROLLOUT
from modelwright_playground import lifecycle
from modelwright_playground.demo.stage import NEW_PLAN, Stage
from modelwright_playground.demo.witness import Witness
from modelwright_playground.instance import Instance

NODE_BACKOFF = "0.05"
"""Seconds before a container starts again: of no interest here, and ten in real life."""

_STOP = pytest.StashKey[Callable[[], None]]()


@pytest.fixture(scope="session")
def loop(programs: None, request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    instance = Instance.create("e2e", tmp_path_factory.mktemp("e2e"))
    stage = Stage(instance)
    with contextlib.ExitStack() as running:
        request.session.stash[_STOP] = running.close
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MODELWRIGHT_NODE_BACKOFF_SECONDS", NODE_BACKOFF)
            lifecycle.start(instance, detached=False)
        running.callback(lifecycle.stop, instance)
        made = asyncio.run(_make(stage))
        running.callback(stage.stop_load)
        yield made


async def _make(stage: Stage) -> Loop:
    """Models, operator, policy and rollout, until v1 serves; then load."""
    cluster = await Cluster.connect(str(stage.instance.kubeconfig))
    try:
        await stage.make_history()
        v1, _ = await asyncio.gather(stage.make_model("v1"), _install(stage, cluster))
        stage.upload_pipeline()
        await stage.apply_manifests(cluster, v1)
        v2 = await stage.make_model("v2", "--seed", "7")
        hotfix = await stage.make_model("hotfix", "--kind", "hotfix", "--exclude", NEW_PLAN)
        await has_condition(cluster, MODEL_ROLLOUT, "ml", "churn", "Ready")
        stage.start_load()
        return Loop(stage, v1, v2, hotfix)
    finally:
        await cluster.close()


async def _install(stage: Stage, cluster: Cluster) -> None:
    """The operator, with a metric source that only another team may use."""
    shared = {"url": stage.instance.prometheus_url, "scrapeInterval": "1s"}
    sources = [{"name": "default", **shared}, {"name": "private", "namespaces": ["another-team"], **shared}]
    await stage.install_operator(cluster, metricSources=sources)


@pytest.fixture
async def cluster(loop: Loop) -> AsyncIterator[Cluster]:
    """A connection to the whole playground, as administrator."""
    connection = await Cluster.connect(str(loop.instance.kubeconfig))
    try:
        yield connection
    finally:
        await connection.close()


@pytest.fixture
async def witness(loop: Loop, cluster: Cluster) -> AsyncIterator[Witness]:
    """Watches namespace ml, and asks the clients."""
    witness = Witness(cluster, loop.stage.load_url)
    watching = asyncio.create_task(witness.watch())
    try:
        yield witness
    finally:
        watching.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await watching


@pytest.hookimpl(trylast=True)
def pytest_runtest_teardown(item: pytest.Item, nextitem: pytest.Item | None) -> None:
    """Stop the shared playground once the next test has no use for it: it is a load on the machine."""
    stop = item.session.stash.get(_STOP, None)
    if stop and "loop" not in getattr(nextitem, "fixturenames", ()):
        stop()
