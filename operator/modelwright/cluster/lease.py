"""Leadership by a Lease: who may act, and whether that is known recently enough to raise a weight.

A small elector of our own: the client's LeaseLock imports 126 MB of models (docs/adr/0003).
"""

from __future__ import annotations

import asyncio
import logging
import time
from contextlib import suppress
from datetime import UTC, datetime

from modelwright.cluster.access import Cluster, Object
from modelwright.cluster.keys import LEASE
from modelwright.errors import Conflict, ModelwrightError

log = logging.getLogger(__name__)

DURATION = 6.0
RENEW_EVERY = 2.0
RENEW_DEADLINE = 4.0
"""Seconds after a renewal for which we still raise weights: shorter than DURATION, so that clocks may drift."""


class Lost(ModelwrightError):
    """Another process holds the lease, or ours could not be renewed: the process must end."""


class Leadership:
    """One process's hold on one Lease. `identity` is the pod: its restarted container takes the lease back at once."""

    def __init__(self, cluster: Cluster, namespace: str, name: str, identity: str) -> None:
        self._cluster = cluster
        self._namespace = namespace
        self._name = name
        self._identity = identity
        self._renewed_at: float | None = None
        self._seen: tuple[str, float] | None = None  # the foreign renewal last seen, and when we first saw it

    def is_fresh(self) -> bool:
        """Whether a renewal is younger than the renew deadline, on our own monotonic clock."""
        return self._renewed_at is not None and time.monotonic() - self._renewed_at < RENEW_DEADLINE

    async def acquire(self) -> None:
        """Wait until the lease is ours."""
        # The API server has no way to tell that a lease expired: it has to be asked.
        while not await self._try():  # noqa: ASYNC110
            await asyncio.sleep(RENEW_EVERY)
        log.info("leading as %s", self._identity)

    async def keep(self) -> None:
        """Renew until cancelled. Raises Lost when the lease is another's, or was not renewed in time."""
        while True:
            await asyncio.sleep(RENEW_EVERY)
            try:
                renewed = await self._try()
            except ModelwrightError as error:
                log.warning("the lease could not be renewed: %s", error)
                renewed = None
            if renewed is False:
                raise Lost("another process holds the lease")
            assert self._renewed_at is not None
            if time.monotonic() - self._renewed_at > DURATION:
                raise Lost("the lease was not renewed in time")

    async def release(self) -> None:
        """Let the next one lead at once."""
        if self._renewed_at is None:
            return
        self._renewed_at = None
        try:
            lease = await self._cluster.get(LEASE, self._namespace, self._name)
            if lease and lease["spec"].get("holderIdentity") == self._identity:
                lease["spec"].update(holderIdentity="", leaseDurationSeconds=1)
                await self._cluster.replace(LEASE, lease)
        except ModelwrightError as error:
            log.warning("the lease could not be released, it expires by itself: %s", error)

    async def _try(self) -> bool:
        # Somebody may write it between our reading and writing: a rival, or only a person with an annotation.
        for _ in range(2):
            with suppress(Conflict):
                return await self._take()
        return False

    async def _take(self) -> bool:
        """Whether the lease is ours now. Raises Conflict when somebody else wrote it meanwhile."""
        asked_at = time.monotonic()
        lease = await self._cluster.get(LEASE, self._namespace, self._name)
        if lease is None:
            await self._cluster.create(LEASE, self._body({}))
        elif self._is_free(lease):
            await self._cluster.replace(LEASE, self._body(lease))
        else:
            return False
        # Counted from before the request: the server saw it at some time after that, never earlier.
        self._renewed_at = asked_at
        return True

    def _is_free(self, lease: Object) -> bool:
        """Free if it is ours, nobody's, or was not renewed for its duration as seen by our own clock, never theirs."""
        spec = lease.get("spec", {})
        holder = spec.get("holderIdentity", "")
        if holder in ("", self._identity):
            return True
        renewal = f"{holder} {spec.get('renewTime')}"
        if self._seen is None or self._seen[0] != renewal:
            self._seen = (renewal, time.monotonic())
        return time.monotonic() - self._seen[1] > float(spec.get("leaseDurationSeconds", DURATION))

    def _body(self, lease: Object) -> Object:
        now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = lease.get("spec", {})
        mine = spec.get("holderIdentity") == self._identity
        transitions = int(spec.get("leaseTransitions", 0))
        return {
            "apiVersion": LEASE.api_version,
            "kind": LEASE.name,
            "metadata": lease.get("metadata", {"name": self._name, "namespace": self._namespace}),
            "spec": {
                "holderIdentity": self._identity,
                "leaseDurationSeconds": int(DURATION),
                "acquireTime": spec.get("acquireTime", now) if mine else now,
                "renewTime": now,
                "leaseTransitions": transitions if mine else transitions + 1,
            },
        }
