"""Whole rollouts of the manifests in examples/, read by the operator's own parser and judged by its own allocation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from benchmarks.simulations.steps import Step, rollouts
from benchmarks.simulations.tables import Table, percent, seconds
from benchmarks.simulations.traffic import SECONDS, independent, joined
from benchmarks.simulations.vectorised import Arrivals

from modelwright.analysis.margin import Margin
from modelwright.api.parsing.rollout import parse_rollout
from modelwright.api.rollout import RolloutSpec
from modelwright.rollouts.plan.judging import allocation
from modelwright.rollouts.plan.margins import margin_of

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
USUAL = (0.002, 0.02)
"""Proportions of the first and the second guardrail, errors and slow requests."""
DEADLINE = 6 * 360


def examples() -> Iterator[tuple[str, RolloutSpec]]:
    """Every ModelRollout in examples/."""
    as_stored = {"uid": "", "generation": 1, "resourceVersion": ""}
    for path in sorted(EXAMPLES.glob("*.yaml")):
        for body in yaml.safe_load_all(path.read_text(encoding="utf-8")):
            if body and body["kind"] == "ModelRollout":
                yield path.name, parse_rollout({**body, "metadata": {**as_stored, **body["metadata"]}}).spec


@dataclass(frozen=True)
class Case:
    """What the first guardrail's candidate shows from block `begins` on; everything else stays as usual."""

    worse: float
    begins: int = 0

    def arrivals(
        self, rng: np.random.Generator, runs: int, rate: int, margins: Sequence[Margin]
    ) -> Callable[[float, int, int], list[Arrivals]]:
        def arrive(weight: float, blocks: int, began: int) -> list[Arrivals]:
            healthy = min(max(self.begins - began, 0), blocks)
            counted = []
            for number, p in enumerate(USUAL[: len(margins)]):
                parts = [
                    independent(rng, runs, length, rate=rate, weight=weight, stable=p, candidate=candidate)
                    for length, candidate in ((healthy, p), (blocks - healthy, p if number else self.worse))
                ]
                counted.append(joined(*parts))
            return counted

        return arrive


def whole_rollouts(runs: int, quick: bool) -> Table:
    """Healthy, twice the margin worse in one guardrail, and 5 % errors from the middle of the last step's hold on."""
    rows = []
    for name, spec in examples():
        margins = [margin_of(metric.stable) for metric in spec.analysis.metrics if metric.stable][: len(USUAL)]
        steps = [Step(step.weight / 100, int(step.hold.total_seconds() / SECONDS)) for step in spec.steps]
        begins = sum(step.hold for step in steps[:-1]) + steps[-1].hold // 2
        usual = USUAL[0]
        cases = (Case(usual), Case(usual + 2 * (margins[0].limit(usual) - usual)), Case(0.05, begins))
        for rate in (50,) if quick else (2, 50, 500):
            rng = np.random.default_rng([7, rate])
            good, bad, late = (
                rollouts(
                    case.arrivals(rng, runs, rate, margins), runs, steps, margins, allocation(spec), deadline=DEADLINE
                )
                for case in cases
            )
            rows.append(
                [
                    name,
                    f"{rate}/s",
                    percent(good.rolled_back, limit=float(spec.analysis.error_rate)),
                    percent(good.promoted),
                    seconds(good.passed),
                    percent(bad.promoted, limit=0.05),
                    percent(bad.rolled_back),
                    percent(late.promoted, limit=0.05),
                    seconds(late.failed - begins),
                ]
            )
    head = ["manifest", "traffic", "healthy: rolled back", "promoted", "median", "twice the margin: promoted"]
    return Table("manifests", [*head, "rolled back", "late fault: promoted", "found after"], rows)
