"""The story: a healthy model, a world that changes, a model retrained and promoted, and a bad one turned away."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from modelwright_playground.demo.expectations import Expectations
from modelwright_playground.demo.stage import Model, Stage
from modelwright_playground.demo.witness import Witness

FLOOR = 0.88
HOTFIX = "hotfix-1"


class Overdue(Exception):
    """Something that the story waits for did not happen in time."""


@dataclass
class Scenario:
    stage: Stage
    witness: Witness
    expectations: Expectations
    v1: Model
    hotfix: Model
    began: dict[str, float] = field(default_factory=dict)
    rollback: dict[str, Any] = field(default_factory=dict)

    async def play(self) -> None:
        """Play all acts; an act that is overdue ends the story, with its expectation unmet."""
        for act in (self._serves_v1, self._degrades, self._retrains, self._rolls_out, self._recovers, self._turns_away):
            try:
                await act()
            except Overdue as overdue:
                self.expectations.check(str(overdue), False, self._situation())
                return

    async def _serves_v1(self) -> None:
        name = "the first version serves, and its ModelRollout is Ready"
        await self._until(name, lambda: self.witness.condition(self.witness.rollout, "Ready").get("status") == "True")
        self.stage.start_load()
        await self._until(
            "the healthy model is accurate", lambda: (self.witness.accuracy("v1") or 0) >= FLOOR, limit=180
        )
        self.expectations.check(
            name, not self.witness.runs, f"v1 at {self.witness.accuracy('v1'):.3f}, no retraining was started"
        )

    async def _degrades(self) -> None:
        self._begin("drift")
        self.witness.note("ConceptDrift", "the world changes: what used to keep customers now drives them away")
        await self._post("concept", {"concept": "after"})
        name = "the degradation is seen in Prometheus and starts a retraining"
        await self._until(name, lambda: bool(self.witness.runs), limit=300)
        run = next(iter(self.witness.runs.values()))
        evidence = run["spec"]["evidence"][0]
        self.expectations.check(
            name,
            float(evidence["value"]) < FLOOR,
            f"trigger {evidence['trigger']}: {evidence['value']}, needed {evidence['bound']}, over "
            f"{evidence['samples']} labels, {time.time() - self.began['drift']:.0f} s after the drift",
        )

    async def _retrains(self) -> None:
        name = "the pipeline's model passes the gate"
        run_name = next(iter(self.witness.runs))
        await self._until(name, lambda: self._succeeded(run_name) in ("True", "False"), limit=400)
        run = self.witness.runs[run_name]
        lines = run["status"].get("gate", [])
        self.expectations.check(
            name,
            self._succeeded(run_name) == "True" and all(line["verdict"] == "Pass" for line in lines),
            "; ".join(f"{line['check']} {line['verdict']}" for line in lines)
            + "".join(f"; {line['message']}" for line in lines if line["check"] in ("floor", "champion")),
        )

    async def _rolls_out(self) -> None:
        version = next(iter(self.witness.runs))
        self._begin("rollout")
        name = "live traffic moves 10 → 50 → 100 % and the new model is promoted"
        await self._until(name, lambda: self._stable() == version and self._at_rest(), limit=400)
        moves = [weight for at, weight in self.witness.weights if at >= self.began["drift"]]
        says = f"candidate's weights on the route: {moves}; the last 0 because by then it is stable"
        self.expectations.check(name, moves == [10, 50, 100, 0], says)
        first = self.witness.event("WeightRaised", self.began["drift"])
        self.expectations.check(
            "before any traffic its pods reproduced the predictions of its evaluation",
            first is not None and "golden rows are reproduced" in first.says,
            first.says if first else "no weight was raised",
        )
        confirmed = [m for m in self.witness.moments if m.what == "WeightConfirmed" and m.at >= self.began["drift"]]
        self.expectations.check(
            "every step was confirmed by the share of traffic seen",
            len(confirmed) >= 3,
            " | ".join(moment.says for moment in confirmed),
        )

    async def _recovers(self) -> None:
        version = next(iter(self.witness.runs))
        name = "accuracy has recovered"
        await self._until(name, lambda: (self.witness.accuracy() or 0) >= FLOOR, limit=180)
        self.expectations.check(name, True, f"{version} at {self.witness.accuracy():.3f}")
        total = self.witness.stats["total"]
        self.expectations.check(
            "the rollout of the good model failed no request",
            total["failed"] == 0,
            f"{total['ok']} requests answered, {total['failed']} failed {total['failedBy'] or ''}".strip(),
        )
        launched = [run["run_id"] for run in await self._pipeline_runs()]
        self.expectations.check(
            "exactly one pipeline run was launched",
            len(self.witness.runs) == 1 and len(launched) == 1,
            f"RetrainRuns {sorted(self.witness.runs)}, Kubeflow runs {launched}",
        )

    async def _turns_away(self) -> None:
        good = next(iter(self.witness.runs))
        self._begin("hotfix")
        self.witness.note("ReleaseByHand", f"somebody applies spec.model {HOTFIX}: good offline, never tried live")
        await self.stage.release_by_hand(self.witness.cluster, self.v1, HOTFIX, self.hotfix)
        name = "the bad model is rolled back by itself, and rejected"
        await self._until(name, lambda: self._rejected(HOTFIX) and self._at_rest(), limit=400)
        back_at = self._weight_back_at()
        first_sample = await self._first_failing_sample()
        failed = self.witness.counts(HOTFIX)["failed"]
        rejection = self.witness.status["rejected"][0]["reason"]
        self.rollback = {
            "version": HOTFIX,
            "reason": rejection,
            "failedRequests": failed,
            "answeredRequests": self.witness.counts(HOTFIX)["ok"],
            "secondsFromFirstFailingSample": round(back_at - first_sample, 1) if first_sample else None,
        }
        self.expectations.check(
            name,
            self._stable() == good and failed > 0 and first_sample is not None and max(self._weights_since()) <= 10,
            f"{rejection}; {failed} requests failed, weight 0 {self.rollback['secondsFromFirstFailingSample']} s after "
            "the first failing sample in Prometheus",
        )
        name = "the rolled-back ModelRollout says so to every deployment tool"
        await self._until(
            name, lambda: self.witness.condition(self.witness.rollout, "Stalled").get("reason") == "RolledBack"
        )
        self.expectations.check(name, True, self.witness.condition(self.witness.rollout, "Stalled")["message"])
        name = "after the rollback no request fails any more"
        await self._until(name, lambda: self._recent("sent") > 0 and self._recent("failed") == 0)
        failed = self.witness.stats["total"]["failed"]
        # Some were on their way when the weight fell, and are answered only by now.
        self.rollback["failedRequests"] = self.witness.counts(HOTFIX)["failed"]
        self.expectations.check(name, True, f"{good} answers all of the last 5 s; {failed} requests failed in all")

    # --- what is looked at -------------------------------------------------------------------------------------------

    def _begin(self, chapter: str) -> None:
        self.began[chapter] = time.time()

    def _stable(self) -> str:
        return str(self.witness.status.get("stable", {}).get("version", ""))

    def _at_rest(self) -> bool:
        return "stage" not in self.witness.status and self.witness.candidate_weight == 0

    def _succeeded(self, run: str) -> str:
        return str(self.witness.condition(self.witness.runs[run], "Succeeded").get("status", ""))

    def _recent(self, count: str) -> int:
        return int(self.witness.stats["recent"][count])

    def _rejected(self, version: str) -> bool:
        return any(entry.get("version") == version for entry in self.witness.status.get("rejected", []))

    def _weights_since(self) -> list[int]:
        return [weight for at, weight in self.witness.weights if at >= self.began["hotfix"]]

    def _weight_back_at(self) -> float:
        return next(at for at, weight in reversed(self.witness.weights) if weight == 0)

    async def _first_failing_sample(self) -> float | None:
        """When Prometheus first held a failed request of the hotfix, in seconds since the epoch."""
        query = f'sum(model_request_errors_total{{version="{HOTFIX}"}})'
        parameters = {"query": query, "start": str(self.began["hotfix"]), "end": str(time.time()), "step": "0.5"}
        url = f"{self.stage.instance.prometheus_url}/api/v1/query_range"
        async with aiohttp.ClientSession() as session, session.get(url, params=parameters) as answer:
            result = (await answer.json())["data"]["result"]
        values = result[0]["values"] if result else []
        return next((float(at) for at, value in values if float(value) > 0), None)

    async def _pipeline_runs(self) -> list[dict[str, Any]]:
        url = f"{self.stage.instance.kubeflow_url}/apis/v2beta1/runs"
        async with aiohttp.ClientSession() as session, session.get(url) as answer:
            runs: list[dict[str, Any]] = (await answer.json()).get("runs", [])
        return runs

    async def pipeline_runs(self) -> list[dict[str, Any]]:
        return [
            {key: run.get(key) for key in ("run_id", "display_name", "state", "created_at", "finished_at")}
            for run in await self._pipeline_runs()
        ]

    async def _post(self, path: str, body: dict[str, Any]) -> None:
        async with (
            aiohttp.ClientSession(raise_for_status=True) as session,
            session.post(f"{self.witness.load_url}/{path}", json=body),
        ):
            pass

    async def _until(self, name: str, reached: Callable[[], bool], limit: float = 180) -> None:
        deadline = time.monotonic() + limit
        while not reached():
            if time.monotonic() > deadline:
                raise Overdue(name)
            await asyncio.sleep(0.2)

    def _situation(self) -> str:
        """Why it did not happen, as far as the cluster says."""
        said = [
            f"{body.get('kind')} {condition['type']}={condition['status']} {condition['reason']} {condition['message']}"
            for body in (self.witness.policy, *self.witness.runs.values(), self.witness.rollout)
            for condition in body.get("status", {}).get("conditions", [])
        ]
        return "not within its time; " + "; ".join(said)
