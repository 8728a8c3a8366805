"""Who may command and who did: the chart's admission policies on the real API server, tried by several people."""

from __future__ import annotations

import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from tests.contract.chart import one, rendered
from tests.contract.conftest import WithKubeconfig
from tests.contract.policed import (
    ACTOR,
    COMMAND,
    ROLE_BINDING,
    VALIDATING,
    Policed,
    binding,
    may,
    policed,
    rollout,
    until,
)

from modelwright.cluster.access import Cluster, Forbidden
from modelwright.cluster.keys import MODEL_ROLLOUT
from modelwright.errors import InvalidSpec

ON_CREATE = "create the object, and give the command then"
APPROVE_VERB = "promote, promote-full and skip need the verb 'approve' on modelrollouts, which user '"
TRUE_NAME = "who gives the command"

APPROVE = ("--set", "admission.approveVerb=Required")


@pytest.fixture(scope="module")
def place(control_plane: WithKubeconfig) -> Iterator[Policed]:
    with policed(control_plane.kubeconfig, f"commands-{uuid.uuid4().hex[:8]}", *APPROVE) as place:
        yield place


@pytest.fixture(scope="module")
def old_place(control_plane: WithKubeconfig) -> Iterator[Policed]:
    """As on Kubernetes before 1.36, which has no MutatingAdmissionPolicy."""
    old = ("--kube-version", "1.33.0")
    with policed(control_plane.kubeconfig, f"commands-{uuid.uuid4().hex[:8]}", *old) as place:
        yield place


@dataclass
class Desk:
    """One rollout, a user who may edit it, and an administrator who plays the operator."""

    place: Policed
    name: str
    user: Cluster
    admin: Cluster

    async def annotate(self, **annotations: str | None) -> dict[str, str]:
        """Set `command` and `actor` as the user; None removes. The annotations that came of it."""
        change = {f"modelwright.dev/{name}": value for name, value in annotations.items()}
        body = await self.user.merge_patch(
            MODEL_ROLLOUT, self.place.namespace, self.name, {"metadata": {"annotations": change}}
        )
        return dict(body["metadata"].get("annotations", {}))

    async def answered(self, id_: str) -> None:
        answer = {"id": id_, "verb": "abort", "outcome": "Done", "message": "", "at": "2026-11-21T08:00:00Z"}
        await self.admin.merge_patch(
            MODEL_ROLLOUT, self.place.namespace, self.name, {"status": {"command": answer}}, "status"
        )


@pytest.fixture
async def desk(place: Policed) -> AsyncIterator[Desk]:
    user, admin = await place.connect(place.user), await place.connect()
    name = f"churn-{uuid.uuid4().hex[:8]}"
    await user.create(MODEL_ROLLOUT, rollout(place, name))
    yield Desk(place, name, user, admin)
    await user.close()
    await admin.close()


@pytest.mark.parametrize("verb", ["pause", "resume", "abort", "retry", "rollback", "pin", "unpin"])
async def test_a_command_is_stamped_with_the_user_who_gave_it(desk: Desk, verb: str) -> None:
    annotations = await desk.annotate(command=f"{verb}/7/6b8f9c01de")
    assert annotations[ACTOR] == desk.place.user


async def test_a_command_in_anothers_name_is_stamped_with_the_true_one(desk: Desk) -> None:
    annotations = await desk.annotate(command="abort/7/6b8f9c01de", actor="bob")
    assert annotations[ACTOR] == desk.place.user


async def test_each_command_is_stamped_anew(desk: Desk) -> None:
    await desk.annotate(command="abort/7/6b8f9c01de")
    change = {"metadata": {"annotations": {COMMAND: "abort/8/6b8f9c01de"}}}
    body = await desk.admin.merge_patch(MODEL_ROLLOUT, desk.place.namespace, desk.name, change)
    assert body["metadata"]["annotations"][ACTOR] == "admin"


async def test_a_command_that_is_not_answered_may_be_replaced_by_abort(desk: Desk) -> None:
    await desk.annotate(command="retry/7/6b8f9c01de")
    annotations = await desk.annotate(command="abort/8/6b8f9c01de")
    assert annotations[COMMAND] == "abort/8/6b8f9c01de"


async def test_an_answered_command_may_be_replaced_and_removed(desk: Desk) -> None:
    await desk.annotate(command="abort/7/6b8f9c01de")
    await desk.answered("7")
    await desk.annotate(command="retry/8/6b8f9c01de")
    await desk.answered("8")
    assert await desk.annotate(command=None, actor=None) == {}


async def test_all_else_may_be_edited_while_a_command_waits(desk: Desk) -> None:
    await desk.annotate(command="retry/7/6b8f9c01de")
    change = {"metadata": {"labels": {"team": "churn"}}, "spec": {"replicas": 3}}
    body = await desk.user.merge_patch(MODEL_ROLLOUT, desk.place.namespace, desk.name, change)
    assert body["metadata"]["annotations"] == {COMMAND: "retry/7/6b8f9c01de", ACTOR: desk.place.user}


@dataclass(frozen=True)
class Refusal:
    """What is refused after a `first` command, answered or not, and the words that say why."""

    name: str
    says: tuple[str, ...]
    change: dict[str, str | None]
    first: str = ""
    answered: str = ""


FORM = "must be '<verb>/<id>/<revision>' with the verb promote, promote-full,"
ONLY_ABORT = "is not answered yet, and may be replaced only by abort"
FIRST = "abort/7/6b8f9c01de"
REFUSALS = [
    Refusal("an unknown verb", (FORM, "found 'promte/7/6b8f9c01de'"), {"command": "promte/7/6b8f9c01de"}),
    Refusal("no revision", (FORM, "found 'abort/7'"), {"command": "abort/7"}),
    Refusal("an empty id", (FORM,), {"command": "abort//6b8f9c01de"}),
    Refusal("more than one line", ("must be '<verb>/<id>/<revision>'",), {"command": f"{FIRST}\nabort/8/x"}),
    Refusal("a very long one", (FORM, "777…'"), {"command": f"abort/{'7' * 500}/6b8f9c01de"}),
    Refusal("retry over abort", (f"'{FIRST}' ", ONLY_ABORT), {"command": "retry/8/6b8f9c01de"}, FIRST),
    Refusal("its removal", (ONLY_ABORT,), {"command": None, "actor": None}, FIRST),
    Refusal("the same id", ("must have another id than '", "'7'"), {"command": "retry/7/6b8f9c01de"}, FIRST, "7"),
    Refusal("an actor without a command", ("must stay as it is",), {"actor": "alice"}),
    Refusal("another actor afterwards", ("must stay as it is",), {"actor": "bob"}, FIRST),
    Refusal("no actor afterwards", ("must stay as it is",), {"actor": None}, FIRST),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=lambda refusal: refusal.name)
async def test_refuses_and_says_what_is_needed(refusal: Refusal, desk: Desk) -> None:
    if refusal.first:
        await desk.annotate(command=refusal.first)
    if refusal.answered:
        await desk.answered(refusal.answered)
    with pytest.raises(InvalidSpec) as caught:
        await desk.annotate(**refusal.change)
    assert [words for words in refusal.says if words not in caught.value.message] == []


@pytest.mark.parametrize("annotations", [{COMMAND: "abort/7/6b8f9c01de"}, {ACTOR: "alice"}], ids=["command", "actor"])
async def test_refuses_a_new_object_with_a_command_or_an_actor(desk: Desk, annotations: dict[str, str]) -> None:
    with pytest.raises(InvalidSpec, match=ON_CREATE):
        await desk.user.create(MODEL_ROLLOUT, rollout(desk.place, "new", annotations))


@pytest.mark.parametrize("verb", ["promote", "promote-full", "skip"])
async def test_what_moves_traffic_up_needs_the_verb_approve_where_it_is_required(desk: Desk, verb: str) -> None:
    with pytest.raises(Forbidden, match=f"{APPROVE_VERB}alice"):
        await desk.annotate(command=f"{verb}/7/6b8f9c01de")


async def test_an_approver_may_promote(desk: Desk) -> None:
    place = desk.place
    role = f"{place.release}-approve"
    await desk.admin.create(ROLE_BINDING, binding(place, "paula", "ClusterRole", role))
    approver = await place.connect("paula")
    change = {"metadata": {"annotations": {COMMAND: "promote/7/6b8f9c01de"}}}
    try:
        await until(lambda: may(approver.get(MODEL_ROLLOUT, place.namespace, desk.name)))
        body = await approver.merge_patch(MODEL_ROLLOUT, place.namespace, desk.name, change)
    finally:
        await approver.close()
    assert body["metadata"]["annotations"][ACTOR] == "paula"


async def test_namespaces_in_which_the_operator_does_not_work_are_left_alone(desk: Desk, namespace: str) -> None:
    elsewhere = Policed(desk.place.kubeconfig, namespace)
    await desk.admin.create(MODEL_ROLLOUT, rollout(elsewhere, "churn", {COMMAND: "as you like"}))


async def test_where_nothing_stamps_the_user_types_the_true_name(old_place: Policed) -> None:
    user = await old_place.connect(old_place.user)
    await user.create(MODEL_ROLLOUT, rollout(old_place, "churn"))

    async def command(**actor: str) -> dict[str, Any]:
        annotations = {COMMAND: "abort/7/6b8f9c01de", **{f"modelwright.dev/{name}": who for name, who in actor.items()}}
        change = {"metadata": {"annotations": annotations}}
        return await user.merge_patch(MODEL_ROLLOUT, old_place.namespace, "churn", change)

    try:
        for wrong in ({}, {"actor": "bob"}):
            with pytest.raises(InvalidSpec, match=TRUE_NAME):
                await command(**wrong)
        assert (await command(actor=old_place.user))["metadata"]["annotations"][ACTOR] == old_place.user
    finally:
        await user.close()


def test_every_rule_is_tried_on_something_it_refuses() -> None:
    tried = [words for refusal in REFUSALS for words in refusal.says] + [ON_CREATE, APPROVE_VERB, TRUE_NAME]
    policies = rendered("ml", *APPROVE, "-s", "templates/admission-commands.yaml")
    untried = [
        rule
        for rule in one(policies, VALIDATING.name)["spec"]["validations"]
        if not any(words in rule.get("messageExpression", rule.get("message", "")) for words in tried)
    ]
    assert untried == []
