"""The node's own objects: its Node, with a status that stays fresh, and the Lease that says it is alive."""

from __future__ import annotations

import asyncio
import logging
import os
import platform
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import LEASE, NODE
from modelwright.errors import Conflict, ModelwrightError
from modelwright_playground.instance import KUBELET_PORT
from modelwright_playground.node.status import timestamp

log = logging.getLogger(__name__)

NAME = "playground"
LEASE_NAMESPACE = "kube-node-lease"
LEASE_SECONDS = 40
RENEW_SECONDS = 10.0
# The controller manager believes the Lease, so the status is only refreshed now and then, as a kubelet's is.
STATUS_EVERY_RENEWALS = 6


class Registration:
    """`address` is the node's own, 127.244.<subnet>.1."""

    def __init__(self, cluster: Cluster, address: str, subnet: int) -> None:
        self._cluster = cluster
        self._address = address
        self._cidr = f"10.244.{subnet}.0/24"
        self._started_at = datetime.now(UTC)
        self.capacity = capacity()

    async def register(self) -> None:
        """Create the Node, or take over the one that is there, and say that it is ready."""
        existing = await self._cluster.get(NODE, None, NAME)
        if existing and existing["spec"].get("podCIDR") != self._cidr:
            # The instance has moved to another subnet, and a Node's podCIDR never changes.
            await self._cluster.delete(NODE, None, NAME, uid=existing["metadata"]["uid"])
            existing = None
        if not existing:
            await self._cluster.create(NODE, self._node())
        await self._write_status()
        await self._renew()

    async def keep(self) -> None:
        """Renew until cancelled."""
        count = 0
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            count += 1
            try:
                await self._renew()
                if count % STATUS_EVERY_RENEWALS == 0:
                    if await self._cluster.get(NODE, None, NAME) is None:
                        await self._cluster.create(NODE, self._node())
                    await self._write_status()
            except ModelwrightError as error:
                log.warning("the node cannot report that it is alive: %s", error)

    def _node(self) -> dict[str, Any]:
        labels = {
            "kubernetes.io/hostname": NAME,
            "kubernetes.io/os": "linux",
            "kubernetes.io/arch": _architecture(),
        }
        return {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": NAME, "labels": labels},
            "spec": {"podCIDR": self._cidr, "podCIDRs": [self._cidr]},
        }

    async def _write_status(self) -> None:
        now = datetime.now(UTC)
        status = {
            "capacity": self.capacity,
            "allocatable": self.capacity,
            "addresses": [{"type": "InternalIP", "address": self._address}, {"type": "Hostname", "address": NAME}],
            "daemonEndpoints": {"kubeletEndpoint": {"Port": KUBELET_PORT}},
            "nodeInfo": _node_info(),
            "conditions": [
                self._condition("MemoryPressure", "False", "PlaygroundDoesNotMeasure", now),
                self._condition("DiskPressure", "False", "PlaygroundDoesNotMeasure", now),
                self._condition("PIDPressure", "False", "PlaygroundDoesNotMeasure", now),
                self._condition("Ready", "True", "NodeReady", now),
            ],
        }
        await self._cluster.merge_patch(NODE, None, NAME, {"status": status}, "status")

    def _condition(self, kind: str, status: str, reason: str, now: datetime) -> dict[str, str]:
        return {
            "type": kind,
            "status": status,
            "reason": reason,
            "message": "the playground's node runs pods as local processes",
            "lastHeartbeatTime": timestamp(now),
            "lastTransitionTime": timestamp(self._started_at),
        }

    async def _renew(self) -> None:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = {"holderIdentity": NAME, "leaseDurationSeconds": LEASE_SECONDS, "renewTime": now}
        body = {
            "apiVersion": LEASE.api_version,
            "kind": LEASE.name,
            "metadata": {"name": NAME, "namespace": LEASE_NAMESPACE},
            "spec": spec,
        }
        try:
            await self._cluster.create(LEASE, body)
        except Conflict:
            await self._cluster.merge_patch(LEASE, LEASE_NAMESPACE, NAME, {"spec": spec})


def capacity() -> Mapping[str, str]:
    """What this machine has. Pods share it with everything else that runs here, and nothing is enforced."""
    memory = next(
        line.split()[1] for line in Path("/proc/meminfo").read_text(encoding="utf-8").splitlines() if "MemTotal" in line
    )
    return {"cpu": str(os.cpu_count() or 1), "memory": f"{memory}Ki", "pods": "250"}


def _architecture() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def _node_info() -> dict[str, str]:
    return {
        "machineID": NAME,
        "systemUUID": NAME,
        "bootID": Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip(),
        "kernelVersion": platform.release(),
        "osImage": "local processes",
        "containerRuntimeVersion": "process://modelwright-playground",
        "kubeletVersion": "v0.1.0-modelwright-playground",
        "kubeProxyVersion": "",
        "operatingSystem": "linux",
        "architecture": _architecture(),
    }
