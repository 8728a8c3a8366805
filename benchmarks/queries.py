"""How many rollouts one operator can watch: 1,000 rollouts with 3 metrics each, asked every 10 seconds, on one core.

The operator's own asker and background, on core 0, ask a fake Prometheus in a process of its own, or with --prometheus
a real one that this starts. Reported are queries a second, how late questions are asked, the share saved by asking
once, and memory.

    .venv/bin/python benchmarks/queries.py [--prometheus] [--shared-by 10]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.queries_targets import FakePrometheus, RealPrometheus

from modelwright.cluster.background import Background
from modelwright.cluster.keys import Key
from modelwright.metrics.asking import Asker
from modelwright.metrics.configuration import MetricSource
from modelwright.metrics.prometheus import Source
from modelwright.metrics.questions import CountsQuestion, Look
from modelwright.metrics.variables import selector

METRICS = (
    ("errors", "model_request_errors_total{{{s}}}", "model_requests_total{{{s}}}"),
    ("slow", 'model_seconds_count{{{s}}} - model_seconds_bucket{{{s},le="0.5"}}', "model_seconds_count{{{s}}}"),
    ("wrong", "modelwright_matured_wrong_total{{{s}}}", "modelwright_matured_total{{{s}}}"),
)
ARMS = ("stable", "candidate")


class Measured:
    """Asks like the operator's asker, and keeps how late each question is and how each answer was come by."""

    def __init__(self, source: Source) -> None:
        self.outcomes: Counter[str] = Counter()
        self.late: list[float] = []
        self.queries = 0
        self._counted = source
        self._last: dict[tuple[str, Any], float] = {}
        self._asker = Asker({source.configuration.name: source}, seen=self._seen)
        ask = source._query

        def counted(*arguments: Any, **parameters: Any) -> Any:
            self.queries += 1
            return ask(*arguments, **parameters)

        source._query = counted  # type: ignore[method-assign]

    def ask(self, question: Any) -> Look:
        now = time.monotonic()
        before = self._last.get(question)
        if before is not None:
            self.late.append(now - before - question.interval.total_seconds())
        look = self._asker.ask(question)
        # The pause begins when the answer is there, as cluster.background has it.
        self._last[question] = time.monotonic()
        return look

    def begin(self) -> None:
        self.outcomes.clear()
        self.late.clear()
        self.queries = 0

    def _seen(self, source: str, outcome: str, seconds: float) -> None:
        self.outcomes[outcome] += 1


def questions_of(rollout: int, shared_by: int, interval: timedelta, since: datetime) -> list[CountsQuestion]:
    """`shared_by` rollouts at a time are watched by the same questions, as the policies of one champion are."""
    matchers = {arm: selector("ml", f"m{rollout // shared_by}", arm) for arm in ARMS}
    return [
        CountsQuestion(
            "bench", f"{name} of {rollout}", arm, events.format(s=s), total.format(s=s), interval, since=since
        )
        for name, events, total in METRICS
        for arm, s in matchers.items()
    ]


async def measure(source: Source, options: argparse.Namespace) -> dict[str, Any]:
    measured = Measured(source)
    background = Background(measured.ask, lambda key: None)
    interval, since = timedelta(seconds=options.interval), datetime.now(UTC) - timedelta(seconds=60)
    for rollout in range(options.rollouts):
        questions = questions_of(rollout, options.shared_by, interval, since)
        background.want(Key("ModelRollout", "ml", f"m{rollout}"), questions)
        if rollout % 20 == 0:
            # As objects come in: not all of them in the same millisecond.
            await asyncio.sleep(options.interval / options.rollouts * 20)
    # The first look of each question reads from the beginning; what counts is what goes on.
    while len(background.everything()) < options.rollouts * len(METRICS) * len(ARMS):  # noqa: ASYNC110
        await asyncio.sleep(1)
    await asyncio.sleep(options.interval)
    measured.begin()
    began, busy = time.monotonic(), time.process_time()
    await asyncio.sleep(options.seconds)
    seconds, busy = time.monotonic() - began, time.process_time() - busy
    late, outcomes, queries = sorted(measured.late), dict(measured.outcomes), measured.queries
    await background.close()
    asked = sum(outcomes.values())
    return {
        "questions a second": round(asked / seconds, 1),
        "queries a second": round(queries / seconds, 1),
        "late p50 in s": round(late[len(late) // 2], 3),
        "late p99 in s": round(late[int(len(late) * 0.99)], 3),
        "share saved by asking once": round(outcomes.get("Shared", 0) / asked, 3),
        "processor share of one core": round(busy / seconds, 2),
        "RSS in MiB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "outcomes": outcomes,
    }


@contextmanager
def target(options: argparse.Namespace) -> Iterator[str]:
    models = -(-options.rollouts // options.shared_by)
    with tempfile.TemporaryDirectory() as folder:
        started = (RealPrometheus if options.prometheus else FakePrometheus)(Path(folder), models)
        try:
            yield started.url
        finally:
            started.close()


def machine() -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in lines if "model name" in line), "?")
    commit = subprocess.run(["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False)
    load, python = os.getloadavg()[0], sys.version.split()[0]
    return f"{model}, {os.cpu_count()} cores, load {load:.0f}, Python {python}, commit {commit.stdout.strip()}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rollouts", type=int, default=1000)
    parser.add_argument("--interval", type=float, default=10.0, help="seconds between looks")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long to measure")
    parser.add_argument("--shared-by", type=int, default=1, help="rollouts that ask the same")
    parser.add_argument("--prometheus", action="store_true", help="ask a real Prometheus instead of the fake")
    options = parser.parse_args()
    with target(options) as url:
        os.sched_setaffinity(0, {0})
        source = Source(MetricSource("bench", url, timedelta(seconds=1), timedelta(seconds=10)))
        result = asyncio.run(measure(source, options))
    asked = "a real Prometheus" if options.prometheus else "a fake Prometheus"
    print(json.dumps({"machine": machine(), "asked": asked, "options": vars(options), **result}, indent=1))


if __name__ == "__main__":
    main()
