"""The node as a whole: looks at the live copy of the cluster, and makes what runs here agree with it."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import CONFIG_MAP, NODE, POD, SECRET
from modelwright.errors import Conflict, ModelwrightError
from modelwright_playground.instance import Instance
from modelwright_playground.node.addresses import Addresses
from modelwright_playground.node.binding import bind, obstacle, report_obstacle, wants_binding
from modelwright_playground.node.errors import CannotStart
from modelwright_playground.node.guardian import Guardian
from modelwright_playground.node.images import ImageTable
from modelwright_playground.node.kubelet import KubeletServer
from modelwright_playground.node.pod import NodeContext, Pod
from modelwright_playground.node.process import kill_leftovers
from modelwright_playground.node.proxy import PodProxy
from modelwright_playground.node.registration import NAME, Registration
from modelwright_playground.node.tokens import server_of
from modelwright_playground.node.volumes import remove_folder
from modelwright_playground.watching import Watching

log = logging.getLogger(__name__)

# How long pods get when the node itself stops: somebody waits for it.
STOP_GRACE = 5.0
RETRY_SECONDS = 1.0


class Node:
    """`backoff_base` is a crashing container's first wait in seconds."""

    def __init__(self, instance: Instance, cluster: Cluster, images: ImageTable, backoff_base: float) -> None:
        self._instance = instance
        self._cluster = cluster
        self._addresses = Addresses(instance.subnet)
        self._registration = Registration(cluster, self._addresses.node, instance.subnet)
        self._watching = Watching(cluster, (POD, CONFIG_MAP, SECRET, NODE))
        self._server = KubeletServer(self._addresses.node, instance.pki, self._find)
        self._proxy = PodProxy(self._addresses.node, instance.subnet)
        self._context = NodeContext(
            cluster=cluster,
            images=images,
            server=server_of(instance.kubeconfig),
            pods=instance.dir / "pods",
            host_ip=self._addresses.node,
            capacity=self._registration.capacity,
            backoff_base=backoff_base,
        )
        self._pods: dict[str, Pod] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._finished: set[str] = set()
        self._versions: dict[str, Mapping[tuple[str, str], str]] = {}
        self._stopping = asyncio.Event()

    async def run(self) -> None:
        """Run pods until cancelled; then end them all. PortTaken when another node has this subnet."""
        pods = self._context.pods
        pods.mkdir(parents=True, exist_ok=True, mode=0o700)
        await self._server.start()
        await self._proxy.start()
        if found := kill_leftovers(pods):
            log.info("killed %d containers that a former node left running", found)
        guardian = Guardian(pods)
        try:
            await self._register()
            async with asyncio.TaskGroup() as group:
                group.create_task(self._registration.keep(), name="lease")
                group.create_task(self._watching.run(), name="watch")
                group.create_task(self._keep_reconciling(), name="reconcile")
        finally:
            self._stopping.set()
            await asyncio.gather(*self._tasks.values(), return_exceptions=True)
            guardian.close()
            await self._proxy.close()
            await self._server.close()

    async def _register(self) -> None:
        while True:
            try:
                await self._registration.register()
            except ModelwrightError as error:
                log.info("the node cannot register yet: %s", error)
                await asyncio.sleep(RETRY_SECONDS)
            else:
                self._instance.ready.mkdir(parents=True, exist_ok=True)
                (self._instance.ready / "node").write_text("", encoding="utf-8")
                return

    def _find(self, namespace: str, name: str) -> Pod | None:
        return next((pod for pod in self._pods.values() if pod.name == f"{namespace}/{name}"), None)

    async def _keep_reconciling(self) -> None:
        swept = False
        while True:
            await self._watching.changed.wait()
            self._watching.changed.clear()
            if not self._watching.complete:
                continue
            present = {pod["metadata"]["uid"]: pod for pod in self._watching.objects(POD)}
            if not swept:
                self._sweep(present.keys())
                swept = True
            self._finished &= present.keys()
            for uid, pod in self._pods.items():
                if uid not in present:
                    pod.gone()
            again = False
            for uid, body in present.items():
                if uid in self._finished:
                    continue  # Somebody's finalizers keep the object; here there is nothing left of it.
                if body["spec"].get("nodeName") == NAME:
                    again |= not self._accept(uid, body)
                elif wants_binding(body):
                    again |= not await self._schedule(body)
            self._refresh_volumes()
            if again:
                asyncio.get_running_loop().call_later(RETRY_SECONDS, self._watching.changed.set)

    def _sweep(self, present: Collection[str]) -> None:
        """Remove the folders of pods that were deleted while no node was there."""
        for folder in self._context.pods.iterdir():
            if folder.name not in present:
                remove_folder(folder)

    def _accept(self, uid: str, body: Mapping[str, Any]) -> bool:
        """Hand the pod what is known of it now, and begin with it if it is new. False: it has to be tried again."""
        if uid in self._pods:
            self._pods[uid].observe(body)
            return True
        try:
            address = self._addresses.claim(uid, (body.get("status") or {}).get("podIP"))
        except CannotStart as error:
            log.warning("pod %s waits: %s", body["metadata"]["name"], error)
            return False
        pod = self._pods[uid] = Pod(body, self._context, address)
        task = asyncio.create_task(pod.run(self._stopping, STOP_GRACE), name=f"pod {pod.name}")
        self._tasks[uid] = task
        task.add_done_callback(lambda done: self._forget(uid, done))
        return True

    def _forget(self, uid: str, task: asyncio.Task[None]) -> None:
        del self._pods[uid], self._tasks[uid]
        self._finished.add(uid)
        self._versions.pop(uid, None)
        self._addresses.release(uid)
        if not task.cancelled() and (error := task.exception()):
            log.error("the node failed to run a pod, which is a bug", exc_info=error)

    async def _schedule(self, body: Mapping[str, Any]) -> bool:
        node = next((item for item in self._watching.objects(NODE) if item["metadata"]["name"] == NAME), None)
        if node is None:
            return True
        try:
            if reason := obstacle(body, node):
                await report_obstacle(self._cluster, body, reason, datetime.now(UTC))
            else:
                await bind(self._cluster, body, NAME)
        except Conflict:
            return True  # It changed meanwhile, and the change is on its way to us.
        except ModelwrightError as error:
            log.info("pod %s cannot be bound yet: %s", body["metadata"]["name"], error)
            return False
        return True

    def _refresh_volumes(self) -> None:
        """Wake the pods whose ConfigMaps or Secrets are not those of the last look."""
        versions = {
            (item["metadata"]["namespace"], kind.name, item["metadata"]["name"]): item["metadata"]["resourceVersion"]
            for kind in (CONFIG_MAP, SECRET)
            for item in self._watching.objects(kind)
        }
        for uid, pod in self._pods.items():
            namespace = pod.body["metadata"]["namespace"]
            seen = {name: versions.get((namespace, *name), "") for name in pod.object_names}
            if self._versions.setdefault(uid, seen) != seen:
                self._versions[uid] = seen
                pod.refresh()
