"""Who may approve a model: the chart's admission policies and RBAC on the real API server, tried by several people."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.contract.chart import one, rendered
from tests.contract.conftest import WithKubeconfig
from tests.contract.corpus import merged
from tests.contract.policed import (
    ACTOR,
    COMMAND,
    RBAC,
    ROLE_BINDING,
    VALIDATING,
    Policed,
    binding,
    may,
    policed,
    run,
    until,
)

from modelwright.cluster.access import Cluster, Forbidden
from modelwright.cluster.keys import RETRAIN_RUN, Kind
from modelwright.errors import InvalidSpec

ROLE = Kind(*RBAC, "roles", "Role")
NEEDS_APPROVE = "need the verb 'approve' on retrainruns, which user 'alice'"
TRUE_NAME = "who gives the answer"
FORM = "must be a new '<verb>/<id>/<binding>' with the verb approve or reject"
SAME_ID = "must have another id than '"
APPROVE = "approve/7/0f3b2c9d1e4a5b6c"
OURS = "the operator's records"


@pytest.fixture(scope="module")
def place(control_plane: WithKubeconfig) -> Iterator[Policed]:
    with policed(control_plane.kubeconfig, f"approvals-{uuid.uuid4().hex[:8]}") as place:
        yield place


@dataclass
class Desk:
    """A run of the operator's; `paula` is bound to the chart's approver role, `alice` may edit and patch runs."""

    place: Policed
    name: str
    approver: Cluster
    editor: Cluster
    operator: Cluster

    async def give(self, who: Cluster, **annotations: str | None) -> dict[str, str]:
        change = {"metadata": {"annotations": {f"modelwright.dev/{name}": text for name, text in annotations.items()}}}
        body = await who.merge_patch(RETRAIN_RUN, self.place.namespace, self.name, change)
        return dict(body["metadata"].get("annotations", {}))


@pytest.fixture(scope="module")
def people(place: Policed) -> None:
    asyncio.run(_bind(place))


async def _bind(place: Policed) -> None:
    admin = await place.connect()
    role = {
        "apiVersion": ROLE.api_version,
        "kind": ROLE.name,
        "metadata": {"name": "patches-runs", "namespace": place.namespace},
        "rules": [{"apiGroups": ["modelwright.dev"], "resources": ["retrainruns"], "verbs": ["get", "patch"]}],
    }
    await admin.create(ROLE, role)
    await admin.create(ROLE_BINDING, binding(place, place.user, "Role", "patches-runs"))
    await admin.create(ROLE_BINDING, binding(place, "paula", "ClusterRole", f"{place.release}-approve"))
    await admin.close()


async def patches(who: Cluster, place: Policed, name: str) -> None:
    """Forbidden, by RBAC, to who may not patch runs at all. Who may is told so by the policy."""
    try:
        await who.merge_patch(RETRAIN_RUN, place.namespace, name, {"metadata": {"labels": {"mine": "now"}}})
    except Forbidden as refused:
        if OURS not in str(refused):
            raise


@pytest.fixture
async def desk(place: Policed, people: None) -> AsyncIterator[Desk]:
    operator = await place.connect(place.account)
    approver, editor = await place.connect("paula"), await place.connect(place.user)
    name = f"churn-{uuid.uuid4().hex[:8]}"
    await operator.create(RETRAIN_RUN, run(place, name))

    # A role and who it is bound to come into force each on its own.
    await until(lambda: may(approver.get(RETRAIN_RUN, place.namespace, name)))
    await until(lambda: may(patches(editor, place, name)))
    yield Desk(place, name, approver, editor, operator)
    for connection in (operator, approver, editor):
        await connection.close()


@pytest.mark.parametrize("verb", ["approve", "reject"])
async def test_an_approver_answers_and_the_server_stamps_who_it_was(desk: Desk, verb: str) -> None:
    annotations = await desk.give(desk.approver, command=f"{verb}/7/0f3b2c9d1e4a5b6c", actor="bob")
    assert annotations == {COMMAND: f"{verb}/7/0f3b2c9d1e4a5b6c", ACTOR: "paula"}


@pytest.mark.parametrize("verb", ["approve", "reject"])
async def test_who_may_patch_runs_but_not_approve_is_refused(desk: Desk, verb: str) -> None:
    with pytest.raises(Forbidden, match=NEEDS_APPROVE):
        await desk.give(desk.editor, command=f"{verb}/7/0f3b2c9d1e4a5b6c")


@pytest.mark.parametrize(
    "change",
    [
        {"metadata": {"annotations": {COMMAND: APPROVE, "note": "and this"}}},
        {"metadata": {"annotations": {COMMAND: APPROVE}, "labels": {"mine": "now"}}},
        {"metadata": {"annotations": {COMMAND: APPROVE}, "finalizers": ["example.com/mine"]}},
        {"metadata": {"annotations": {COMMAND: APPROVE, "kept": None}}},
    ],
)
async def test_an_approver_changes_nothing_but_the_answer(desk: Desk, change: dict[str, Any]) -> None:
    await desk.operator.merge_patch(
        RETRAIN_RUN, desk.place.namespace, desk.name, {"metadata": {"annotations": {"kept": "yes"}}}
    )
    with pytest.raises(Forbidden, match=OURS):
        await desk.approver.merge_patch(RETRAIN_RUN, desk.place.namespace, desk.name, change)


async def test_an_approver_writes_no_verdict(desk: Desk) -> None:
    body = await desk.approver.get(RETRAIN_RUN, desk.place.namespace, desk.name)
    assert body is not None
    with pytest.raises(Forbidden):
        await desk.approver.replace(RETRAIN_RUN, merged(body, {"status": {"phase": "Approved"}}), "status")


@pytest.mark.parametrize("command", ["approve", "approve/7", "promote/7/x", "approve//x", None])
async def test_an_answer_of_another_form_is_refused(desk: Desk, command: str | None) -> None:
    await desk.give(desk.approver, command=APPROVE)
    with pytest.raises(InvalidSpec) as caught:
        await desk.give(desk.approver, command=command)
    assert FORM in caught.value.message


async def test_the_id_of_an_answer_that_was_dealt_with_is_not_used_again(desk: Desk) -> None:
    body = await desk.operator.get(RETRAIN_RUN, desk.place.namespace, desk.name)
    assert body is not None
    asked = {
        "binding": "0f3b2c9d1e4a5b6c",
        "digest": "sha256:41",
        "requestedAt": "2026-11-21T08:00:00Z",
        "expiresAt": "2026-11-24T08:00:00Z",
        "command": "7",
    }
    await desk.operator.replace(RETRAIN_RUN, merged(body, {"status": {"approval": asked}}), "status")
    with pytest.raises(InvalidSpec) as caught:
        await desk.give(desk.approver, command=APPROVE)
    assert SAME_ID in caught.value.message


def test_every_rule_is_tried_on_something_it_refuses() -> None:
    tried = (NEEDS_APPROVE.split(" which")[0], TRUE_NAME, FORM, SAME_ID)
    policies = rendered("ml", "-s", "templates/admission-approvals.yaml")
    validations = one(policies, VALIDATING.name)["spec"]["validations"]
    assert [rule for rule in validations if not any(words in rule["messageExpression"] for words in tried)] == []


async def test_where_nothing_stamps_the_approver_types_the_true_name(control_plane: WithKubeconfig) -> None:
    """The rule behind the stamp, on the policy as Kubernetes before 1.36 gets it."""
    old = rendered("ml", "-s", "templates/admission-approvals.yaml", "--kube-version", "1.33.0")
    assert {body["kind"] for body in old} == {VALIDATING.name, f"{VALIDATING.name}Binding"}
    rules = one(old, VALIDATING.name)["spec"]["validations"]
    assert any(TRUE_NAME in rule["messageExpression"] for rule in rules)
