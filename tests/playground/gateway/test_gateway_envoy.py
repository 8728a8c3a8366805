"""The translation, run by a real Envoy in front of two small servers."""

from __future__ import annotations

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import web
from scipy.stats import binomtest

from modelwright.api.ab_test import Audience
from modelwright.api.audience import match_of
from modelwright.traffic.managed_rules import rules_of
from modelwright.traffic.route import Split
from modelwright_playground.gateway.delivery import Delivery, NotLoaded
from modelwright_playground.gateway.envoy import Envoy
from modelwright_playground.gateway.facts import Observation, Resources, Unsupported
from modelwright_playground.gateway.matching import envoy_match
from modelwright_playground.gateway.translate import translate
from modelwright_playground.instance import Instance
from modelwright_playground.prometheus.configuration import ENVOY_STATISTICS

PATIENCE = 120


class Backend:
    """Answers with its name and counts what it is asked."""

    def __init__(self, name: str, pod_ip: str) -> None:
        self.name = name
        self.pod_ip = pod_ip
        self.port = 0
        self.requests: list[str] = []
        self._asked = asyncio.Condition()
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        self._runner = web.AppRunner(app)

    async def __aenter__(self) -> Backend:
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127" + self.pod_ip.removeprefix("10"), 0)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _answer(self, request: web.Request) -> web.Response:
        async with self._asked:
            self.requests.append(request.path)
            self._asked.notify_all()
        return web.Response(text=self.name)

    async def has_seen(self, count: int) -> None:
        async with self._asked:
            await asyncio.wait_for(self._asked.wait_for(lambda: len(self.requests) >= count), PATIENCE)


class Front:
    """Envoy, what it is told, and a client."""

    def __init__(self, given: Any, instance: Instance, stable: Backend, candidate: Backend) -> None:
        self.given, self.stable, self.candidate = given, stable, candidate
        self.envoy = Envoy(instance.dir / "envoy", instance.ports.gateway, instance.ports.envoy_admin)
        self.delivery = Delivery(self.envoy)
        self.url = instance.gateway_url
        self.admin = f"http://127.0.0.1:{instance.ports.envoy_admin}"
        self.client = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=PATIENCE))

    async def serve(self, *rules: Any, **others: Any) -> None:
        await self.load(self.given.observed(self.given.route(rules=rules), **{"slices": self.slices(), **others}))

    async def load(self, observed: Observation) -> None:
        await self.delivery.load(translate(observed, self.delivery.endpoints_folder).resources)

    def slices(self) -> tuple[Any, ...]:
        pairs = (("stable", self.stable), ("candidate", self.candidate))
        return tuple(self.given.slice(name, item.pod_ip, port=item.port) for name, item in pairs)

    async def ask(self, path: str = "/", **headers: str) -> tuple[int, str]:
        async with self.client.get(self.url + path, headers=headers) as answer:
            return answer.status, await answer.text()


@pytest.fixture
async def front(given: Any, tmp_path: Path) -> AsyncIterator[Front]:
    async with Backend("stable", "10.245.0.2") as stable, Backend("candidate", "10.245.0.3") as candidate:
        front = Front(given, Instance.create("test", tmp_path), stable, candidate)
        front.delivery.begin()
        try:
            await front.envoy.start()
            yield front
        finally:
            await front.client.close()
            await front.envoy.stop()


async def test_requests_are_split_by_weight(front: Front) -> None:
    await front.serve(front.given.split(stable=90, candidate=10))
    answers = Counter([await front.ask() for _ in range(1000)])
    assert set(answers) == {(200, "stable"), (200, "candidate")}
    assert binomtest(answers[200, "candidate"], 1000, 0.1).pvalue > 1e-6


async def test_a_tester_with_the_header_gets_the_candidate_and_nobody_else(front: Front) -> None:
    testers = [{"headers": [{"name": "x-tester", "value": "yes"}]}]
    await front.serve(front.given.split(stable=1), front.given.split(matches=testers, candidate=1))
    assert await front.ask() == (200, "stable")
    assert await front.ask(**{"x-tester": "no"}) == (200, "stable")
    assert await front.ask(**{"x-tester": "yes"}) == (200, "candidate")


async def test_a_path_prefix_ends_at_a_slash(front: Front) -> None:
    matches = [{"path": {"type": "PathPrefix", "value": "/v2/models"}}]
    await front.serve(front.given.split(matches=matches, stable=1))
    assert [(await front.ask(path))[0] for path in ("/v2/models", "/v2/models/churn", "/v2/modelship")] == [
        200,
        200,
        404,
    ]


async def test_a_mirror_reaches_the_other_backend_and_its_answers_reach_nobody(front: Front) -> None:
    mirror = {"type": "RequestMirror", "requestMirror": {"backendRef": {"name": "candidate", "port": 80}}}
    await front.serve(front.given.split(stable=1, filters=[mirror]))
    answers = {await front.ask(f"/{number}") for number in range(50)}
    await front.candidate.has_seen(50)
    assert answers == {(200, "stable")}
    assert sorted(front.candidate.requests) == sorted(front.stable.requests)


async def test_a_mirror_of_some_percent_copies_about_so_many_requests(front: Front) -> None:
    backend = {"backendRef": {"name": "candidate", "port": 80}}
    for share in ({"percent": 20}, {"fraction": {"numerator": 1, "denominator": 5}}):
        front.candidate.requests.clear()
        mirror = {"type": "RequestMirror", "requestMirror": {**backend, **share}}
        await front.serve(front.given.split(stable=1, filters=[mirror]))
        answers = {await front.ask() for _ in range(600)}
        copied = len(front.candidate.requests)
        assert answers == {(200, "stable")}
        assert binomtest(copied, 600, 0.2).pvalue > 1e-6


async def test_headers_are_matched_exactly_and_by_regular_expression_over_several_rules(front: Front) -> None:
    given = front.given
    bucket = {"name": "x-bucket", "type": "RegularExpression", "value": "^(?:[0-9]|[1-4][0-9])$"}
    cookie = {"name": "cookie", "type": "RegularExpression", "value": "^(?:.*;[ ]*)?bucket=(?:[0-9])(?:[ ]*;.*)?$"}
    both = [{"name": "x-bucket", "value": "7"}, {"name": "x-a", "value": "1"}]
    await front.serve(
        # The least specific first, the most specific last: written in the order that must not matter.
        given.split(stable=1),
        given.split(matches=[{"headers": [bucket]}, {"headers": [cookie]}], candidate=1),
        given.split(matches=[{"headers": both}], ghost=1),
    )
    buckets = {name: (await front.ask(**{"X-Bucket": name}))[1] for name in ("0", "9", "49", "50", "149", "4 9", "49a")}
    assert {name for name, answer in buckets.items() if answer == "candidate"} == {"0", "9", "49"}
    cookies = ("bucket=5", "a=b; bucket=5; c=d", "a=b;bucket=5", "bucket=55", "xbucket=5", "a=bucket=5")
    answers = {text: (await front.ask(cookie=text))[1] for text in cookies}
    assert {text for text, answer in answers.items() if answer == "candidate"} == set(cookies[:3])
    assert (await front.ask(**{"x-bucket": "7", "x-a": "1"}))[0] == 500
    assert await front.ask() == (200, "stable")


async def test_a_user_of_an_audience_stays_with_one_version(front: Front) -> None:
    rules = rules_of("churn", Split(testers=(match_of(Audience(30, header="x-bucket")),)))
    for backend in (backend for rule in rules for backend in rule["backendRefs"]):
        backend["name"] = backend["name"].removeprefix("churn-")
    await front.serve(*rules)
    answers = {bucket: {await front.ask(**{"x-bucket": str(bucket)}) for _ in range(3)} for bucket in range(100)}
    assert {bucket for bucket, seen in answers.items() if seen == {(200, "candidate")}} == set(range(30))
    assert {bucket for bucket, seen in answers.items() if seen == {(200, "stable")}} == set(range(30, 100))


async def test_no_request_is_lost_while_weights_selectors_and_endpoints_change(front: Front) -> None:
    given, slices = front.given, front.slices()
    swapped = (
        given.slice("stable", front.candidate.pod_ip, port=front.candidate.port),
        given.slice("candidate", front.candidate.pod_ip, port=front.candidate.port),
    )
    selects_new = (given.service("stable", "bbbb"), given.service("candidate", "bbbb"))
    # A canary and its promotion, as the operator does them, and around again.
    sequence: list[tuple[dict[str, int], dict[str, Any]]] = [
        ({"stable": 100, "candidate": 0}, {}),
        ({"stable": 50, "candidate": 50}, {}),
        ({"stable": 0, "candidate": 100}, {}),
        ({"stable": 0, "candidate": 100}, {"services": selects_new, "slices": slices}),
        ({"stable": 0, "candidate": 100}, {"services": selects_new, "slices": swapped}),
        ({"stable": 100, "candidate": 0}, {"services": selects_new, "slices": swapped}),
        # From one Service to another, each of which Envoy knows only while it is used.
        ({"stable": 100}, {}),
        ({"candidate": 100}, {}),
        ({"stable": 100}, {}),
    ]
    statuses: Counter[int] = Counter()
    answered: asyncio.Queue[int] = asyncio.Queue()

    async def client() -> None:
        while True:
            status, _ = await front.ask()
            answered.put_nowait(status)

    await front.serve(given.split(stable=100, candidate=0))
    clients = [asyncio.create_task(client()) for _ in range(8)]
    try:
        for weights, others in sequence * 3:
            await front.serve(given.split(**weights), **others)
            for _ in range(40):
                statuses[await asyncio.wait_for(answered.get(), PATIENCE)] += 1
    finally:
        for task in clients:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*clients)
    assert set(statuses) == {200}


async def test_a_missing_service_answers_500_and_one_without_ready_endpoints_503(front: Front) -> None:
    await front.serve(front.given.split(ghost=1))
    assert (await front.ask())[0] == 500
    await front.serve(front.given.split(stable=1), slices=())
    assert (await front.ask())[0] == 503


async def test_counts_per_backend_have_namespace_service_and_revision(front: Front) -> None:
    await front.serve(front.given.split(candidate=1))
    for _ in range(3):
        await front.ask()
    async with front.client.get(f"{front.admin}/stats/prometheus", params={"filter": ENVOY_STATISTICS}) as answer:
        lines = [line for line in (await answer.text()).splitlines() if line and not line.startswith("#")]
    whose = 'namespace="ml",service="candidate",revision="bbbb"'
    times = [line for line in lines if line.startswith("envoy_cluster_upstream_rq_time_")]
    assert all(whose in line for line in times)
    assert sorted(set(lines) - set(times)) == [
        f"envoy_cluster_upstream_rq_total{{{whose}}} 3",
        f'envoy_cluster_upstream_rq_xx{{envoy_response_code_class="2",{whose}}} 3',
    ]


async def test_a_configuration_that_envoy_refuses_is_reported_and_the_old_one_goes_on(front: Front) -> None:
    await front.serve(front.given.split(stable=1))
    broken = {"name": "playground", "virtual_hosts": [{"name": "a", "domains": []}]}
    routes = {"@type": "type.googleapis.com/envoy.config.route.v3.RouteConfiguration", **broken}
    with pytest.raises(NotLoaded, match="Envoy refused the routes"):
        await front.delivery.load(Resources(routes=routes))
    assert await front.ask() == (200, "stable")
    await front.serve(front.given.split(candidate=1))
    assert await front.ask() == (200, "candidate")


async def test_files_are_written_only_when_something_changed(front: Front) -> None:
    def inodes() -> dict[str, int]:
        return {str(path): path.stat().st_ino for path in front.envoy.folder.rglob("*.json")}

    await front.serve(front.given.split(stable=1))
    before = inodes()
    await front.serve(front.given.split(stable=1))
    assert inodes() == before
    await front.serve(front.given.split(stable=2))
    assert {Path(path).name for path, inode in inodes().items() if inode != before[path]} == {"routes.json"}


async def test_what_no_route_uses_any_more_leaves_envoy(front: Front) -> None:
    await front.serve(front.given.split(stable=1, candidate=1))
    await front.serve(front.given.split(stable=1))
    async with front.client.get(f"{front.admin}/clusters") as answer:
        assert "ml.candidate.80" not in await answer.text()
    assert [path.name for path in (front.envoy.folder / "endpoints").iterdir()] == ["ml.stable.80.json"]


async def test_envoy_takes_every_regular_expression_that_the_translation_takes(front: Front) -> None:
    good = ["/v[0-9]+/.*", "/(?:a|b)?", "(?i)/x", "(?P<name>/x)", r"/\d{1,999}", r"/[^/]+\b", r"/\x41", "/a*?"]
    bad = ["/(?=x)", "/(?<!x)y", r"/(.)\1", "/(?P<a>x)(?P=a)", "/a++", "/(?>a)", "/(?x)a", "(?u)/a", r"/\u00e9"]
    bad += [r"/a\Z", "/a{1001}", "/a{1,2000}", "/(", "/(?#note)a", "/(a)(?(1)b|c)", r"/\N{BULLET}", "/((a{99}){99})"]
    taken = []
    for pattern in good + bad:
        try:
            envoy_match({"path": {"type": "RegularExpression", "value": pattern}})
        except Unsupported:
            continue
        taken.append(pattern)
    matches = [{"path": {"type": "RegularExpression", "value": pattern}} for pattern in taken]
    await front.serve(front.given.split(matches=matches, stable=1))
    assert taken == good
    assert await front.ask("/v2/models") == (200, "stable")
