"""Puts the rooms together and runs them: the one place that knows which source answers which question."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from modelwright import handlers
from modelwright.audit.trail import trail
from modelwright.cluster.access import Cluster
from modelwright.cluster.answers import Question
from modelwright.cluster.background import Background
from modelwright.cluster.events import EventRecorder
from modelwright.cluster.keys import MODEL_ROLLOUT, RETRAIN_POLICY, RETRAIN_RUN, Key, Kind
from modelwright.cluster.latecomers import not_installed, watch_once_installed
from modelwright.cluster.lease import Leadership
from modelwright.cluster.queue import WorkQueue
from modelwright.cluster.room import Room, utc_now
from modelwright.cluster.wakes import Wakes
from modelwright.configuration import Configuration
from modelwright.kubeflow.asking import Asker as KubeflowAsker
from modelwright.metrics.asking import Asker as MetricsAsker
from modelwright.metrics.prometheus import Source
from modelwright.receiving.server import EventServer
from modelwright.registries.mlflow import Asker as RegistryAsker
from modelwright.retraining.reconcile import reconcile_policy, reconcile_run
from modelwright.rollouts.reconcile import reconcile_rollout
from modelwright.smoke.asking import Asker as SmokeAsker
from modelwright.telemetry import Readings, Telemetry, serve
from modelwright.traffic.routers import watched_kinds
from modelwright.webhooks.asking import Asker as WebhookAsker

log = logging.getLogger(__name__)

RECONCILERS = {
    MODEL_ROLLOUT.name: reconcile_rollout,
    RETRAIN_POLICY.name: reconcile_policy,
    RETRAIN_RUN.name: reconcile_run,
}


@dataclass(frozen=True)
class Options:
    """How this process runs: `namespaces` empty means all. `listen` is the address of /healthz, "" for none, and
    `metrics` address and port of /metrics, None for none."""

    configuration: Configuration
    namespaces: tuple[str, ...] = ()
    lease_namespace: str = "default"
    listen: str = ""
    kubeconfig: str | None = None
    metrics: tuple[str, int] | None = None
    events: tuple[str, int] | None = None

    @property
    def identity(self) -> str:
        return os.environ.get("POD_NAME") or f"{socket.gethostname()}-{os.getpid()}"


async def run(options: Options) -> None:
    """Lead when it is our turn, and reconcile until cancelled. Raises lease.Lost when another process leads."""
    telemetry = Telemetry()
    stop_serving = serve(telemetry, *options.metrics) if options.metrics else lambda: None
    try:
        await _run(options, telemetry)
    finally:
        stop_serving()


async def _run(options: Options, telemetry: Telemetry) -> None:
    cluster = await Cluster.connect(options.kubeconfig)
    leadership = Leadership(cluster, options.lease_namespace, "modelwright", options.identity)
    queue = WorkQueue(lambda key: _reconcile(key, room), worked=telemetry.reconciled)
    background = Background(_asker(options.configuration, telemetry), queue.wake)
    telemetry.read_from(Readings(leadership.is_fresh, lambda: queue.depth, background.everything))
    room = Room(
        cluster=cluster,
        background=background,
        events=EventRecorder(cluster, options.identity, utc_now),
        may_raise=leadership.is_fresh,
        configuration=options.configuration,
        audit=trail(options.configuration.audit, options.identity, utc_now),
    )
    receiving = EventServer(cluster, options.configuration.receivers, utc_now)
    try:
        if options.events and options.configuration.receivers:
            # Whoever leads: what comes in is stored for the one that does.
            await receiving.start(*options.events)
        async with asyncio.TaskGroup() as group:
            # Watching begins before leading: a new leader knows its objects at once. Only the leader works on them.
            wakes = Wakes(queue.wake, telemetry.saw)
            late = await not_installed(cluster, watched_kinds())
            group.create_task(watch_once_installed(cluster, late, options.namespaces, wakes.saw))
            group.create_task(_watch(wakes, options, [kind for kind in watched_kinds() if kind not in late]))
            await leadership.acquire()
            room.leading_since = utc_now()
            group.create_task(leadership.keep())
            group.create_task(queue.run())
    except* _ToldToStop:
        log.info("told to stop")
    finally:
        await receiving.close()
        await background.close()
        await leadership.release()
        await cluster.close()


class _ToldToStop(Exception):
    """Ends the other tasks of the group."""


async def _watch(wakes: Wakes, options: Options, routes: Sequence[Kind]) -> None:
    liveness = f"http://{options.listen}/healthz" if options.listen else None
    await handlers.watch(wakes, options.namespaces, liveness, options.kubeconfig, routes)
    # kopf takes SIGTERM and SIGINT for itself, and then simply returns.
    raise _ToldToStop


async def _reconcile(key: Key, room: Room) -> timedelta | None:
    requeue_after: timedelta | None = await RECONCILERS[key.kind](key, room)
    return requeue_after


def _asker(configuration: Configuration, telemetry: Telemetry) -> Any:
    sources = {name: Source(source) for name, source in configuration.sources.items()}
    metrics = MetricsAsker(sources, seen=telemetry.looked)
    kubeflow = KubeflowAsker(configuration.servers)
    others: dict[str, Any] = {"prometheus": metrics, "registry": RegistryAsker(configuration.registries)}
    others |= {"smoke": SmokeAsker(configuration.servers, configuration.smoke)}
    others |= {"webhook": WebhookAsker(configuration.webhooks)}

    def ask(question: Question) -> Any:
        asker = others.get(question.pool.partition("/")[0], kubeflow)
        return asker.ask(question)

    return ask
