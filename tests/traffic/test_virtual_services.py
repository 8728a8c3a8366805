"""An Istio VirtualService, read and weighed: the same rules as for a Gateway API route, in another shape."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from tests.traffic import routes
from tests.traffic.routes import to, virtual_service

from modelwright.api.rollout import AttachedRoute, Backend, BackendKind, ModelRollout
from modelwright.traffic.attached_route import changes, seen
from modelwright.traffic.backends import Backends
from modelwright.traffic.pairs import pairs_of
from modelwright.traffic.route import Split, WriteRoute

BACKENDS = Backends(Backend("churn-stable"), Backend("churn-candidate"))


def rollout(weight: int | None = None, rule_name: str = "") -> ModelRollout:
    plain = routes.rollout(weight)
    return replace(plain, spec=replace(plain.spec, route=AttachedRoute("VirtualService", "churn", rule_name)))


def both(stable: int | None = 100, candidate: int | None = 0, **fields: Any) -> dict[str, Any]:
    return {"route": [to("churn-stable", stable), to("churn-candidate", candidate)], **fields}


def test_its_weights_are_read_and_it_counts_as_accepted_since_nobody_answers_for_it() -> None:
    found = seen(rollout(25), virtual_service({"route": [to("docs")]}, both(75, 25)))
    assert (found.split.weight, found.accepted, found.obstacle, found.is_theirs) == (25, True, None, True)


@pytest.mark.parametrize("suffix", ["", ".ml", ".ml.svc", ".ml.svc.cluster.local"])
def test_a_host_may_be_written_short_or_whole(suffix: str) -> None:
    body = virtual_service({"route": [to(f"churn-stable{suffix}", 100), to(f"churn-candidate{suffix}", 0)]})
    assert len(pairs_of(body, BACKENDS)) == 1


def test_a_service_of_another_namespace_and_another_kind_of_backend_are_not_ours() -> None:
    body = virtual_service({"route": [to("churn-stable.other", 100), to("churn-candidate.other", 0)]})
    assert pairs_of(body, BACKENDS) == ()
    pools = Backends(
        *(replace(each, kind=BackendKind.INFERENCE_POOL) for each in (BACKENDS.stable, BACKENDS.candidate))
    )
    assert pairs_of(virtual_service(both()), pools) == ()


def test_weights_left_out_are_not_at_rest_and_the_message_says_what_istio_takes_them_for() -> None:
    found = seen(rollout(), virtual_service(both(None, None))).obstacle
    assert found is not None
    assert found.reason == "RouteNotAtRest"
    assert "no weight (which means 0)" in found.message
    assert "write `weight: 100`" in found.message


def test_only_the_named_http_route_is_divided() -> None:
    body = virtual_service(both(50, 50, name="search"), both(75, 25, name="predict"))
    assert seen(rollout(25, "predict"), body).split.weight == 25


def test_two_numbers_are_written_and_nothing_else() -> None:
    body = virtual_service({"route": [to("docs")]}, both())
    written = changes(rollout(), body, WriteRoute(Split(10), "7"))
    assert [(one["op"], one["path"]) for one in written] == [
        ("test", "/metadata/resourceVersion"),
        ("test", "/spec/http/1/route"),
        ("add", "/spec/http/1/route/0/weight"),
        ("add", "/spec/http/1/route/1/weight"),
    ]


def test_who_changed_its_http_routes_last_is_named_with_the_setting_that_ends_the_fight() -> None:
    found = seen(rollout(25), virtual_service(both(), manager="argocd-controller"))
    assert found.changed_by == "argocd-controller"
    assert "group: networking.istio.io, kind: VirtualService" in found.advice
    assert ".spec.http[].route[].weight" in found.advice
