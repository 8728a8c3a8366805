"""The mesh as the check sees it: what the gateway answers and counts, what istiod and Envoy complain of."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from tests.e2e.loop import Loop

from conformance.istio.istiod import METRICS
from modelwright.cluster.access import Cluster
from modelwright.cluster.keys import VIRTUAL_SERVICE
from modelwright_playground.demo.stage import HOST

MODEL = "/v2/models/churn"
RATE = 40
TESTER = {"x-tester": "1"}

_REFUSED_BY_ENVOY = r"update_rejected$"
_REFUSED_BY_ISTIOD = re.compile(
    r"^(pilot_total_xds_rejects|pilot_total_rejected_configs|pilot_xds_(?:cds|eds|lds|rds)_reject)(?:\{.*\})? (\S+)$",
    re.M,
)


@dataclass
class Mesh:
    """`notes` are for the person who runs the check."""

    loop: Loop
    notes: list[str] = field(default_factory=list)

    @property
    def admin_url(self) -> str:
        return f"http://127.0.0.1:{self.loop.instance.ports.envoy_admin}"

    async def ask(self, headers: dict[str, str] | None = None, path: str = MODEL) -> str:
        """The version of the model that answers through the gateway; the status and the body where none does."""
        url = self.loop.instance.gateway_url + path
        async with (
            aiohttp.ClientSession() as session,
            session.get(url, headers={"Host": HOST, **(headers or {})}) as answer,
        ):
            text = await answer.text()
            return (
                str(json.loads(text)["versions"][0]) if path == MODEL and answer.status == 200 else _said(answer, text)
            )

    async def answers(self, times: int = 20, headers: dict[str, str] | None = None) -> Counter[str]:
        return Counter([await self.ask(headers) for _ in range(times)])

    async def requests(self) -> dict[str, int]:
        """How many requests the gateway's Envoy has sent to each Service of the rollout, copies among them."""
        pattern = r"^cluster\.outbound\|80\|\|churn-(stable|candidate)\..*\.upstream_rq_total$"
        found = {name.split("||churn-")[1].split(".")[0]: value for name, value in (await self._envoy(pattern)).items()}
        return {"stable": 0, "candidate": 0, **found}

    async def complaints(self, cluster: Cluster) -> dict[str, Any]:
        """What anybody of Istio's has refused or found wrong; empty if all is well."""
        found: dict[str, Any] = {name: count for name, count in (await self._envoy(_REFUSED_BY_ENVOY)).items() if count}
        async with aiohttp.ClientSession() as session, session.get(METRICS) as answer:
            counters = _REFUSED_BY_ISTIOD.findall(await answer.text())
        found |= {name: float(value) for name, value in counters if float(value)}
        found |= dict.fromkeys(await self.advice(cluster), "in the status of the VirtualService")
        return found

    async def advice(self, cluster: Cluster) -> list[str]:
        """The codes of what istiod's analysis says in the status of the VirtualService.

        TRAP: what it has nothing to say of any more keeps its last words, of an older generation.
        """
        body = await cluster.get(VIRTUAL_SERVICE, "ml", "churn") or {"metadata": {"generation": 0}}
        status = body.get("status", {})
        is_old = int(status.get("observedGeneration", 0)) < body["metadata"]["generation"]
        messages = [] if is_old else status.get("validationMessages", [])
        return sorted({str(message["type"]["code"]) for message in messages})

    async def slow_down(self) -> None:
        """Fewer requests than in the demo, so that on a busy machine too every one is answered."""
        async with aiohttp.ClientSession(raise_for_status=True) as session:
            await session.post(f"{self.loop.stage.load_url}/rate", json={"rate": RATE})

    async def is_asked(self) -> bool:
        """Whether the load has begun."""
        try:
            await self.clients_errors()
        except aiohttp.ClientConnectionError:
            return False
        return True

    async def clients_errors(self) -> dict[str, int]:
        """Failed requests of the load, by reason, since it began."""
        async with aiohttp.ClientSession() as session, session.get(f"{self.loop.stage.load_url}/stats") as answer:
            return dict((await answer.json())["total"]["failedBy"])

    async def _envoy(self, pattern: str) -> dict[str, int]:
        query = {"filter": pattern, "format": "json"}
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.admin_url}/stats", params=query) as answer,
        ):
            stats = json.loads(await answer.text())["stats"]
        return {stat["name"]: int(stat["value"]) for stat in stats if "value" in stat}


def _said(answer: aiohttp.ClientResponse, text: str) -> str:
    return f"{answer.status} {text}".strip()
