"""Who retrains by hand: the chart's admission policies on the real API server stamp it, and refuse a false name."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from tests.contract.chart import rendered
from tests.contract.conftest import WithKubeconfig
from tests.contract.corpus import HERE, merged, read
from tests.contract.policed import ACTOR, COMMAND, VALIDATING, Policed, policed

from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import RETRAIN_POLICY
from modelwright.errors import InvalidSpec


@pytest.fixture(scope="module")
def place(control_plane: WithKubeconfig) -> Iterator[Policed]:
    with policed(control_plane.kubeconfig, f"by-hand-{uuid.uuid4().hex[:8]}") as place:
        yield place


def policy(place: Policed, **annotations: str) -> dict[str, Any]:
    body = read(HERE / "accepted" / "policy.yaml")[0]
    name = f"churn-{uuid.uuid4().hex[:8]}"
    named = {f"modelwright.dev/{key}": text for key, text in annotations.items()}
    metadata = {"name": name, "namespace": place.namespace, **({"annotations": named} if named else {})}
    return dict(merged(body, {"metadata": metadata}))


async def give(who: Cluster, place: Policed, name: str, **annotations: str | None) -> dict[str, str]:
    change = {"metadata": {"annotations": {f"modelwright.dev/{key}": text for key, text in annotations.items()}}}
    body = await who.merge_patch(RETRAIN_POLICY, place.namespace, name, change)
    return dict(body["metadata"].get("annotations", {}))


async def test_a_command_is_stamped_with_who_gave_it_and_others_are_refused(place: Policed) -> None:
    who = await place.connect()
    body = policy(place)
    name = body["metadata"]["name"]
    await who.create(RETRAIN_POLICY, body)
    written = await give(who, place, name, command="retrain/7", actor="bob")
    assert written[COMMAND] == "retrain/7"
    assert written[ACTOR] != "bob"
    assert (await give(who, place, name, command="cancel/8/churn-x7k2p"))[COMMAND] == "cancel/8/churn-x7k2p"
    for text in ("retrain", "promote/7/abc", "retrain/a b", "cancel/9", "cancel/9/Churn X"):
        with pytest.raises(InvalidSpec, match="must be a new 'retrain/<id>'"):
            await give(who, place, name, command=text)
    with pytest.raises(InvalidSpec, match="must be a new 'retrain/<id>'"):
        await give(who, place, name, actor="bob")
    await who.merge_patch(RETRAIN_POLICY, place.namespace, name, {"spec": {"state": "Suspended"}})
    assert await give(who, place, name, command=None, actor=None) == {}
    await who.close()


async def test_a_new_policy_comes_without_a_command(place: Policed) -> None:
    who = await place.connect()
    with pytest.raises(InvalidSpec, match="on a new object"):
        await who.create(RETRAIN_POLICY, policy(place, command="retrain/7"))
    await who.close()


def test_a_server_that_cannot_stamp_demands_the_true_name() -> None:
    bodies = [body for body in rendered("ml") if body["kind"] == VALIDATING.name]
    (found,) = [body for body in bodies if body["metadata"]["name"].endswith("-retraining")]
    assert any("request.userInfo.username" in each["expression"] for each in found["spec"]["validations"])
