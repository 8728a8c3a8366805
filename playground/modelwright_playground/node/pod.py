"""One pod bound to this node, from its first status to the DELETE that ends it: one task, told only what is.

`observe` gives it the pod as it is now; it decides what its containers do, and writes the pod's status whenever what
should be there differs from what it wrote last.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import POD
from modelwright.errors import Conflict, ModelwrightError
from modelwright_playground.node.backoff import Backoff
from modelwright_playground.node.container import Container, Prepared
from modelwright_playground.node.downward import PodFacts
from modelwright_playground.node.errors import CannotStart
from modelwright_playground.node.images import ImageTable
from modelwright_playground.node.preparing import Preparation
from modelwright_playground.node.restoring import restored
from modelwright_playground.node.status import ContainerView, PodView, Terminated, Waiting, pod_status
from modelwright_playground.node.volumes import object_names, remove_folder

log = logging.getLogger(__name__)

REFRESH_SECONDS = 60.0
RETRY_SECONDS = 1.0
# A pod whose object is gone already (--force) has nobody left to wait for it.
FORCED_GRACE = 1.0


@dataclass(frozen=True)
class NodeContext:
    """What all pods of the node share. `pods` is the folder of pod folders; `backoff_base` is in seconds."""

    cluster: Cluster
    images: ImageTable
    server: Mapping[str, Any]
    pods: Path
    host_ip: str
    capacity: Mapping[str, str]
    backoff_base: float


class Pod:
    def __init__(self, body: Mapping[str, Any], node: NodeContext, address: str) -> None:
        self.body = body
        self._node = node
        self._address = address
        self._folder = node.pods / body["metadata"]["uid"]
        self._preparation = Preparation(node.cluster, node.images, node.server, self._folder)
        self._dirty, self._changed, self._refresh = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._gone = self._node_stops = self._over = False
        self._written: Mapping[str, Any] | None = None
        self._was_final = (body.get("status") or {}).get("phase") in ("Succeeded", "Failed")
        spec = body["spec"]
        self._policy: str = spec.get("restartPolicy", "Always")
        init_policy = "OnFailure" if self._policy == "Always" else self._policy
        self._init = self._containers(spec.get("initContainers") or [], "initContainerStatuses", init_policy)
        self._main = self._containers(spec["containers"], "containerStatuses", self._policy)

    @property
    def name(self) -> str:
        return f"{self.body['metadata']['namespace']}/{self.body['metadata']['name']}"

    @property
    def object_names(self) -> set[tuple[str, str]]:
        """The ConfigMaps and Secrets whose change has to reach this pod's volumes."""
        return object_names(self.body["spec"].get("volumes") or [])

    def observe(self, body: Mapping[str, Any]) -> None:
        """The pod as it is now; news that is older than what is known already is ignored."""
        if int(body["metadata"]["resourceVersion"]) > int(self.body["metadata"]["resourceVersion"]):
            self.body = body
            self._changed.set()
            self._dirty.set()

    def gone(self) -> None:
        """The object is no longer there."""
        self._gone = True
        self._changed.set()

    def refresh(self) -> None:
        """A ConfigMap or Secret of its volumes has changed."""
        self._refresh.set()

    def log_file(self, container: str | None, previous: bool) -> Path | None:
        """Where a container's output is (the only one's, if None); None for a container that the pod does not have."""
        names = [c.name for c in (*self._main, *self._init)]
        if container is None and len(self._main) == 1:
            container = names[0]
        if container not in names:
            return None
        file = self._preparation.log(container)
        return file.with_suffix(".previous.log") if previous else file

    def container_names(self) -> list[str]:
        return [c.name for c in (*self._init, *self._main)]

    def is_running(self, container: str | None) -> bool:
        return any(c.running for c in (*self._init, *self._main) if container in (None, c.name))

    async def run(self, stop_with_node: asyncio.Event, node_grace: float) -> None:
        """Live until the pod is deleted, or until the node stops (then nothing is written any more)."""
        tasks = [asyncio.create_task(self._keep_status()), asyncio.create_task(self._keep_fresh())]
        work = asyncio.create_task(self._work(), name=f"run {self.name}")
        work.add_done_callback(_report_crash)
        stopping = asyncio.create_task(stop_with_node.wait())
        try:
            while not self._must_end and not stop_with_node.is_set():
                await self._next_change(stopping)
            self._node_stops = stop_with_node.is_set()
            self._dirty.set()
            await self._end(work, stopping, node_grace)
        finally:
            for task in (*tasks, work, stopping):
                task.cancel()
            await asyncio.gather(*tasks, work, stopping, return_exceptions=True)
        if not self._node_stops:
            await self._remove()

    @property
    def _must_end(self) -> bool:
        return self._gone or bool(self.body["metadata"].get("deletionTimestamp"))

    async def _next_change(self, *others: asyncio.Task[Any]) -> None:
        change = asyncio.create_task(self._changed.wait())
        try:
            await asyncio.wait({change, *others}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            change.cancel()
        self._changed.clear()

    async def _work(self) -> None:
        # A pod that is already being deleted when the node meets it must not be started once more.
        if self._must_end or all(isinstance(c.view.state, Terminated) for c in self._main):
            return
        for container in self._init:
            if not await container.run():
                return
        async with asyncio.TaskGroup() as group:
            for container in self._main:
                if not isinstance(container.view.state, Terminated):
                    group.create_task(container.run(), name=f"run {self.name} {container.name}")

    async def _end(self, work: asyncio.Task[None], stopping: asyncio.Task[Any], node_grace: float) -> None:
        """Stop everything that runs; asked again with less grace, the shorter time counts."""
        stops: set[asyncio.Task[Any]] = set()
        asked: float | None = None
        while not work.done() or asked is None:
            self._node_stops = self._node_stops or stopping.done()
            grace = min(self._grace, node_grace) if self._node_stops else self._grace
            if asked is None or grace < asked:
                asked = grace
                stops |= {asyncio.create_task(c.stop(grace)) for c in (*self._init, *self._main)}
            await self._next_change(work, *(() if self._node_stops else (stopping,)))
        await asyncio.gather(*stops)

    @property
    def _grace(self) -> float:
        metadata = self.body["metadata"]
        if self._gone:
            return min(FORCED_GRACE, float(metadata.get("deletionGracePeriodSeconds", FORCED_GRACE)))
        own = self.body["spec"].get("terminationGracePeriodSeconds", 30)
        return float(metadata.get("deletionGracePeriodSeconds", own))

    async def _remove(self) -> None:
        """Everything has ended: say so, and let the object go."""
        self._over = True
        namespace, name = self.name.split("/")
        ran = any(isinstance(c.state, Terminated) for c in self._view().containers)
        while not self._gone:
            try:
                if ran and not self._was_final:
                    await self._write_status()
                await self._node.cluster.delete(POD, namespace, name, uid=self.body["metadata"]["uid"], grace_seconds=0)
                break
            except Conflict:
                break  # Another pod of the same name: ours is gone.
            except ModelwrightError as error:
                log.warning("pod %s cannot be removed yet: %s", self.name, error)
                await asyncio.sleep(RETRY_SECONDS)
        await asyncio.to_thread(remove_folder, self._folder)

    async def _keep_status(self) -> None:
        while True:
            try:
                await self._write_status()
            except ModelwrightError as error:
                log.warning("status of pod %s cannot be written yet: %s", self.name, error)
                await asyncio.sleep(RETRY_SECONDS)
                continue
            await self._dirty.wait()
            self._dirty.clear()

    async def _write_status(self) -> None:
        while not (self._gone or self._node_stops or self._was_final):
            status = pod_status(
                self.body, self._view(), pod_ip=self._address, host_ip=self._node.host_ip, now=datetime.now(UTC)
            )
            if status == self._written:
                return
            metadata = {key: self.body["metadata"][key] for key in ("uid", "resourceVersion")}
            namespace, name = self.name.split("/")
            try:
                answer = await self._node.cluster.merge_patch(
                    POD, namespace, name, {"metadata": metadata, "status": status}, "status"
                )
            except Conflict:
                fresh = await self._node.cluster.get(POD, namespace, name)
                if fresh is None or fresh["metadata"]["uid"] != metadata["uid"]:
                    return
                self.observe(fresh)
                continue
            self._written = status
            self.observe(answer)
            return

    async def _keep_fresh(self) -> None:
        while True:
            try:
                async with asyncio.timeout(REFRESH_SECONDS):
                    await self._refresh.wait()
            except TimeoutError:
                pass
            self._refresh.clear()
            if not self.is_running(None):
                continue
            try:
                await self._preparation.refresh(self._facts())
            except (CannotStart, ModelwrightError, OSError) as error:
                log.warning("volumes of pod %s are not up to date: %s", self.name, error)

    def _view(self) -> PodView:
        views = [[c.view for c in containers] for containers in (self._init, self._main)]
        if self._over:
            # What waited to start again has ended for good, the way its last run did.
            views = [
                [replace(v, state=v.last) if v.last and isinstance(v.state, Waiting) else v for v in group]
                for group in views
            ]
        return PodView(
            init=views[0],
            containers=views[1],
            restart_policy=self._policy,
            terminating=self._must_end,
            over=self._over,
        )

    def _facts(self) -> PodFacts:
        return PodFacts(self.body, self._address, self._node.host_ip, self._node.capacity)

    def _containers(self, specs: Sequence[Mapping[str, Any]], field: str, policy: str) -> list[Container]:
        known = {status["name"]: status for status in (self.body.get("status") or {}).get(field) or []}
        waits_for_init = field == "containerStatuses" and self.body["spec"].get("initContainers")
        fresh = Waiting("PodInitializing") if waits_for_init else Waiting()
        now = datetime.now(UTC)
        return [
            Container(
                spec,
                policy,
                self._prepare,
                self._dirty.set,
                grace=self.body["spec"].get("terminationGracePeriodSeconds", 30),
                before=restored(known.get(spec["name"]), policy, now)
                or ContainerView(spec["name"], spec["image"], fresh),
                backoff=Backoff(self._node.backoff_base),
            )
            for spec in specs
        ]

    async def _prepare(self, container: Mapping[str, Any]) -> Prepared:
        return await self._preparation.start(container, self._facts())


def _report_crash(work: asyncio.Task[None]) -> None:
    if not work.cancelled() and (error := work.exception()):
        log.error("the node failed to run a pod, which is a bug", exc_info=error)
