"""Leadership on a real API server, with a clock of our own: who leads, who takes over, and when nobody may raise."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from modelwright.cluster import lease as lease_module
from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import LEASE
from modelwright.cluster.lease import DURATION, RENEW_DEADLINE, Leadership, Lost
from modelwright.errors import Unavailable

NAME = "modelwright"
PATIENCE = 180

Contender = Callable[[str], Leadership]


class Clock:
    """Seconds of a monotonic clock that moves when it is told to."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    # The room's own name for it: the event loop goes on by the real one.
    monkeypatch.setattr(lease_module, "time", SimpleNamespace(monotonic=clock))
    monkeypatch.setattr(lease_module, "RENEW_EVERY", 0.02)
    return clock


@pytest.fixture
def contender(cluster: Cluster, namespace: str, clock: Clock) -> Contender:
    return lambda identity: Leadership(cluster, namespace, NAME, identity)


async def lease_of(cluster: Cluster, namespace: str) -> dict[str, Any]:
    lease = await cluster.get(LEASE, namespace, NAME)
    assert lease is not None
    return lease


async def holder(cluster: Cluster, namespace: str) -> str:
    return str((await lease_of(cluster, namespace))["spec"]["holderIdentity"])


async def waits(acquiring: asyncio.Task[None], cluster: Cluster, namespace: str, other: str) -> None:
    """The task goes on asking, many times, and the lease stays with `other`."""
    for _ in range(20):
        assert not acquiring.done()
        assert await holder(cluster, namespace) == other
        await asyncio.sleep(0.02)


async def test_of_two_contenders_one_leads_and_the_other_follows_when_it_lets_go(
    cluster: Cluster, namespace: str, contender: Contender
) -> None:
    leaders = {name: contender(name) for name in ("a", "b")}
    tasks = {name: asyncio.create_task(leader.acquire()) for name, leader in leaders.items()}
    async with asyncio.timeout(PATIENCE):
        await asyncio.wait(tasks.values(), return_when=asyncio.FIRST_COMPLETED)
        first = await holder(cluster, namespace)
        second = "b" if first == "a" else "a"
        assert leaders[first].is_fresh()
        await waits(tasks[second], cluster, namespace, first)
        assert not leaders[second].is_fresh()
        await leaders[first].release()
        assert not leaders[first].is_fresh()
        await tasks[second]
    assert await holder(cluster, namespace) == second
    assert (await lease_of(cluster, namespace))["spec"]["leaseTransitions"] == 2


async def test_a_lease_of_another_expires_by_our_own_clock_whatever_time_it_names(
    cluster: Cluster, namespace: str, contender: Contender, clock: Clock
) -> None:
    old = contender("old")
    await old.acquire()
    lease = await lease_of(cluster, namespace)
    lease["spec"]["renewTime"] = "2001-01-01T00:00:00.000000Z"
    await cluster.replace(LEASE, lease)
    acquiring = asyncio.create_task(contender("new").acquire())
    async with asyncio.timeout(PATIENCE):
        await waits(acquiring, cluster, namespace, "old")
        clock.now += DURATION - 0.1
        await waits(acquiring, cluster, namespace, "old")
        clock.now += 0.2
        await acquiring
    assert await holder(cluster, namespace) == "new"


async def test_a_lease_that_is_renewed_meanwhile_does_not_expire(
    cluster: Cluster, namespace: str, contender: Contender, clock: Clock
) -> None:
    old = contender("old")
    await old.acquire()
    acquiring = asyncio.create_task(contender("new").acquire())
    async with asyncio.timeout(PATIENCE):
        for _ in range(3):
            await waits(acquiring, cluster, namespace, "old")
            clock.now += DURATION - 0.1
            await old.acquire()
        await waits(acquiring, cluster, namespace, "old")
    acquiring.cancel()


async def test_a_restarted_container_takes_the_lease_of_its_pod_back_at_once(
    cluster: Cluster, namespace: str, contender: Contender
) -> None:
    await contender("pod").acquire()
    before = (await lease_of(cluster, namespace))["spec"]
    async with asyncio.timeout(PATIENCE):
        await contender("pod").acquire()
    after = (await lease_of(cluster, namespace))["spec"]
    assert after["renewTime"] > before["renewTime"]
    for unchanged in ("holderIdentity", "acquireTime", "leaseTransitions"):
        assert after[unchanged] == before[unchanged]


async def test_weights_may_be_raised_only_within_the_deadline_after_a_renewal(
    contender: Contender, clock: Clock
) -> None:
    leader = contender("a")
    assert not leader.is_fresh()
    await leader.acquire()
    clock.now += RENEW_DEADLINE - 0.1
    assert leader.is_fresh()
    clock.now += 0.2
    assert not leader.is_fresh()
    await leader.acquire()
    assert leader.is_fresh()


async def test_a_leader_whose_lease_another_one_took_ends(
    cluster: Cluster, namespace: str, contender: Contender
) -> None:
    leader = contender("a")
    await leader.acquire()
    lease = await lease_of(cluster, namespace)
    lease["spec"]["holderIdentity"] = "b"
    await cluster.replace(LEASE, lease)
    with pytest.raises(Lost, match="another process"):
        await asyncio.wait_for(leader.keep(), PATIENCE)


class Meddled(Cluster):
    """Somebody annotates the lease between our reading and our writing it, once."""

    def __init__(self, cluster: Cluster) -> None:
        self.__dict__ = cluster.__dict__
        self.meddle = False
        self.renewed = asyncio.Event()

    async def replace(self, kind: Any, body: Any, subresource: str | None = None) -> Any:
        if self.meddle:
            self.meddle = False
            metadata = body["metadata"]
            note = {"metadata": {"annotations": {"note": "seen"}}}
            await self.merge_patch(kind, metadata["namespace"], metadata["name"], note)
        answer = await super().replace(kind, body, subresource)
        self.renewed.set()
        return answer


async def test_a_leader_whose_lease_somebody_annotates_goes_on(cluster: Cluster, namespace: str, clock: Clock) -> None:
    meddled = Meddled(cluster)
    leader = Leadership(meddled, namespace, NAME, "a")
    await leader.acquire()
    meddled.meddle = True
    meddled.renewed.clear()
    keeping = asyncio.create_task(leader.keep())
    renewed = asyncio.create_task(meddled.renewed.wait())
    await asyncio.wait({keeping, renewed}, timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
    assert renewed.done()
    assert not keeping.done()
    assert (await lease_of(cluster, namespace))["metadata"]["annotations"] == {"note": "seen"}
    keeping.cancel()


class Unreachable(Cluster):
    """Answers until it is told not to; `asked` counts what it did not answer."""

    def __init__(self, cluster: Cluster) -> None:
        self.__dict__ = cluster.__dict__
        self.down = False
        self.asked = asyncio.Semaphore(0)

    async def get(self, kind: Any, namespace: str | None, name: str) -> Any:
        if self.down:
            self.asked.release()
            raise Unavailable("the API server does not answer")
        return await super().get(kind, namespace, name)


async def test_a_leader_that_cannot_renew_tries_until_its_lease_is_over_and_then_ends(
    cluster: Cluster, namespace: str, clock: Clock
) -> None:
    unreachable = Unreachable(cluster)
    leader = Leadership(unreachable, namespace, NAME, "a")
    await leader.acquire()
    unreachable.down = True
    keeping = asyncio.create_task(leader.keep())
    async with asyncio.timeout(PATIENCE):
        for _ in range(5):
            await unreachable.asked.acquire()
        assert not keeping.done()
        clock.now += DURATION + 0.1
        with pytest.raises(Lost, match="not renewed in time"):
            await keeping


async def test_releasing_a_lease_that_another_one_took_leaves_it_alone(
    cluster: Cluster, namespace: str, contender: Contender, clock: Clock
) -> None:
    old = contender("old")
    await old.acquire()
    acquiring = asyncio.create_task(contender("new").acquire())
    await waits(acquiring, cluster, namespace, "old")
    clock.now += DURATION + 0.1
    await asyncio.wait_for(acquiring, PATIENCE)
    await old.release()
    assert await holder(cluster, namespace) == "new"
