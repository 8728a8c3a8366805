"""RetrainRuns are the operator's records: the admission policy that holds others off, on the real API server."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from tests.contract.conftest import WithKubeconfig
from tests.contract.corpus import HERE, merged, read
from tests.contract.policed import PATIENCE, ROLE_BINDING, Policed, binding, may, policed, run, until

from modelwright.cluster.access import Cluster, Forbidden
from modelwright.cluster.keys import NAMESPACE, RETRAIN_POLICY, RETRAIN_RUN

BACKUP = "backup"
WHO_MAY = ("--set", f"admission.recordWriters={{{BACKUP}}}")


@pytest.fixture(scope="module")
def place(control_plane: WithKubeconfig) -> Iterator[Policed]:
    with policed(control_plane.kubeconfig, f"records-{uuid.uuid4().hex[:8]}", *WHO_MAY) as place:
        yield place


@pytest.fixture
async def admin(place: Policed) -> AsyncIterator[Cluster]:
    """One who has every right that RBAC can give, and is not the operator."""
    connection = await place.connect()
    yield connection
    await connection.close()


@pytest.fixture
async def operator(place: Policed) -> AsyncIterator[Cluster]:
    connection = await place.connect(place.account)
    yield connection
    await connection.close()


@pytest.fixture
async def written(place: Policed, operator: Cluster) -> dict[str, Any]:
    """A run that the operator wrote, with its status."""
    created = await operator.create(RETRAIN_RUN, run(place, f"churn-{uuid.uuid4().hex[:8]}"))
    return await operator.replace(RETRAIN_RUN, merged(created, {"status": {"phase": "Running"}}), "status")


async def test_the_operator_writes_runs_and_their_status(written: dict[str, Any]) -> None:
    assert written["status"]["phase"] == "Running"


async def test_nobody_else_creates_a_run(place: Policed, admin: Cluster) -> None:
    with pytest.raises(Forbidden, match="the operator's records, which user 'admin' may only read"):
        await admin.create(RETRAIN_RUN, run(place, "forged"))


async def test_nobody_else_writes_a_verdict(admin: Cluster, written: dict[str, Any]) -> None:
    with pytest.raises(Forbidden, match="may only read"):
        await admin.replace(RETRAIN_RUN, merged(written, {"status": {"phase": "Approved"}}), "status")


async def test_nobody_else_edits_a_run(place: Policed, admin: Cluster, written: dict[str, Any]) -> None:
    change = {"metadata": {"labels": {"mine": "now"}}}
    with pytest.raises(Forbidden, match="may only read"):
        await admin.merge_patch(RETRAIN_RUN, place.namespace, written["metadata"]["name"], change)


async def test_nobody_else_deletes_a_run(place: Policed, admin: Cluster, written: dict[str, Any]) -> None:
    with pytest.raises(Forbidden, match="change or delete their RetrainPolicy instead"):
        await admin.delete(RETRAIN_RUN, place.namespace, written["metadata"]["name"])


async def test_everybody_with_the_right_to_reads_runs(place: Policed, written: dict[str, Any]) -> None:
    user = await place.connect(place.user)
    try:
        assert await user.get(RETRAIN_RUN, place.namespace, written["metadata"]["name"])
    finally:
        await user.close()


async def test_whom_the_platform_names_may_write_runs_too(place: Policed, admin: Cluster) -> None:
    await admin.create(ROLE_BINDING, binding(place, BACKUP, "Role", place.release))
    backup = await place.connect(BACKUP)
    try:
        await until(lambda: may(backup.list(RETRAIN_RUN, place.namespace)))
        restored = await backup.create(RETRAIN_RUN, run(place, "restored"))
    finally:
        await backup.close()
    assert restored["metadata"]["name"] == "restored"


async def test_deleting_a_policy_deletes_its_runs(place: Policed, admin: Cluster, operator: Cluster) -> None:
    body = read(HERE / "accepted" / "policy.yaml")[0]
    policy = await admin.create(RETRAIN_POLICY, merged(body, {"metadata": {"namespace": place.namespace}}))
    owner = {
        "apiVersion": RETRAIN_POLICY.api_version,
        "kind": RETRAIN_POLICY.name,
        "name": policy["metadata"]["name"],
        "uid": policy["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": True,
    }
    owned = merged(run(place, "owned"), {"metadata": {"ownerReferences": [owner]}})
    await operator.create(RETRAIN_RUN, owned)
    # Foreground: the garbage collector also has to take its own finalizer off the policy, after the runs.
    await admin.delete(RETRAIN_POLICY, place.namespace, policy["metadata"]["name"], propagation="Foreground")
    async with asyncio.timeout(PATIENCE):
        while await admin.get(RETRAIN_POLICY, place.namespace, policy["metadata"]["name"]):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    assert await admin.get(RETRAIN_RUN, place.namespace, "owned") is None


async def test_deleting_the_namespace_deletes_its_runs(control_plane: WithKubeconfig) -> None:
    def install_and_go() -> Policed:
        with policed(control_plane.kubeconfig, f"records-{uuid.uuid4().hex[:8]}") as place:
            asyncio.run(_write_and_delete_namespace(place))
            return place

    place = await asyncio.to_thread(install_and_go)
    admin = await place.connect()
    assert await admin.get(NAMESPACE, None, place.namespace) is None
    await admin.close()


async def _write_and_delete_namespace(place: Policed) -> None:
    operator, admin = await place.connect(place.account), await place.connect()
    await operator.create(RETRAIN_RUN, run(place, "churn"))
    await admin.delete(NAMESPACE, None, place.namespace)
    async with asyncio.timeout(PATIENCE):
        while await admin.get(NAMESPACE, None, place.namespace):  # noqa: ASYNC110
            await asyncio.sleep(0.1)
    await operator.close()
    await admin.close()
