"""Asks pods over the Open Inference Protocol (v2) for the golden rows of an evaluation, and compares.

Only addresses of pods are asked, as the kubelet states them: what a tenant writes leads nowhere. Where the platform
named a proxy, it is asked to forward; no credential is ever sent.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from modelwright.errors import ModelwrightError
from modelwright.kubeflow.configuration import PipelineServer
from modelwright.kubeflow.results import read_golden_rows
from modelwright.smoke.comparing import Missing, difference
from modelwright.smoke.configuration import SmokeChecks
from modelwright.smoke.questions import Differs, NotChecked, Reproduced, Smoke, SmokeQuestion
from modelwright.web.bounded import BoundedClient, Unreachable

TIMEOUT = 5.0
LARGEST_ANSWER = 1 << 20
ROWS = 100
"""As many golden rows as one request may hold."""


class Asker:
    """Reads evaluations below the result roots of `servers`, and asks pods. Safe to call from many threads."""

    def __init__(self, servers: Mapping[str, PipelineServer], checks: SmokeChecks = SmokeChecks()) -> None:
        self._servers = dict(servers)
        self._client = BoundedClient(timeout=TIMEOUT, largest=LARGEST_ANSWER, proxy=checks.proxy)

    def ask(self, question: SmokeQuestion) -> Smoke:
        server = self._servers.get(question.server)
        if server is None:
            return NotChecked(f"pipeline server {question.server!r} is not configured")
        try:
            rows = read_golden_rows(question.uri, question.digest, server.result_root)[:ROWS]
        except ModelwrightError as error:
            return NotChecked(f"the golden rows of its evaluation cannot be read: {error}")
        if not rows:
            return Differs("its evaluation has no golden rows")
        for address in question.addresses:
            try:
                said = self._predict(address, question.model, rows)
            except Unreachable as error:
                return NotChecked(f"pod {address}: {error}")
            differs = difference([row["prediction"] for row in rows], said)
            if isinstance(differs, Missing):
                return NotChecked(f"pod {address}: {differs.message}")
            if differs:
                return Differs(f"pod {address}: {differs}")
        return Reproduced(len(rows))

    def _predict(self, address: str, model: str, rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Sequence[Any]]:
        body = json.dumps({"inputs": _tensors(rows)}).encode()
        url = f"http://{address}/v2/models/{model}/infer"
        reply = self._client.send("POST", url, body, {"Content-Type": "application/json"})
        if reply.status != 200:
            raise Unreachable(f"answers HTTP {reply.status} to a prediction of model {model!r}")
        outputs = reply.object().get("outputs")
        return {
            str(output.get("name")): output["data"]
            for output in (outputs if isinstance(outputs, list) else ())
            if isinstance(output, dict) and isinstance(output.get("data"), list)
        }


def _tensors(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """One tensor for each input, in the order of the first row."""
    tensors = []
    for name in rows[0]["inputs"]:
        data = [row["inputs"][name] for row in rows]
        datatype = "BYTES" if any(isinstance(value, str) for value in data) else "FP64"
        tensors.append({"name": name, "datatype": datatype, "shape": [len(data)], "data": data})
    return tensors
