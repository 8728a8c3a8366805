"""Whole rollouts of the manifests in examples/, read by the operator's own parser and judged by its own allocation."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import yaml
from benchmarks.simulations.rivals import RIVALS
from benchmarks.simulations.steps import Ends, Step, rollouts
from benchmarks.simulations.tables import Table, percent, seconds
from benchmarks.simulations.traffic import SECONDS, Sticky, bursts, independent, joined
from benchmarks.simulations.vectorised import Arrivals, stacked

from modelwright.analysis.alpha import Allocation
from modelwright.analysis.margin import Margin
from modelwright.api.parsing.rollout import parse_rollout
from modelwright.api.rollout import RolloutSpec
from modelwright.rollouts.plan.margins import margin_of
from modelwright.rollouts.plan.spending import allocation

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
RATES, PROPORTIONS = (2, 50, 500), (0.001, 0.01, 0.1)
"""Requests per second, and proportions of errors, the first guardrail."""
SLOW = 0.02
"""Proportion of all other guardrails, of which the first two are simulated."""
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
    """The first guardrail shows `usual`, and of the candidate `worse` from block `begins` on; errors come `mean` at a
    time."""

    usual: float
    worse: float
    begins: int = 0
    mean: int = 1
    sticky: Sticky = Sticky.CONNECTION

    def arrivals(
        self, rng: np.random.Generator, runs: int, rate: int, guardrails: int
    ) -> Callable[[float, int, int], list[Arrivals]]:
        def arrive(weight: float, blocks: int, began: int) -> list[Arrivals]:
            healthy = min(max(self.begins - began, 0), blocks)
            parts = [
                bursts(
                    rng,
                    runs,
                    length,
                    rate=rate,
                    weight=weight,
                    stable=self.usual,
                    candidate=candidate,
                    mean=self.mean,
                    sticky=self.sticky,
                )
                for length, candidate in ((healthy, self.usual), (blocks - healthy, self.worse))
            ]
            others = [
                independent(rng, runs, blocks, rate=rate, weight=weight, stable=SLOW, candidate=SLOW)
                for _ in range(guardrails - 1)
            ]
            return [joined(*parts), *others]

        return arrive


@dataclass(frozen=True)
class Manifest:
    """What is simulated of one: its steps with two arms, the margins of its first two comparisons, its allocation."""

    name: str
    steps: tuple[Step, ...]
    margins: tuple[Margin, ...]
    alpha: Allocation
    error_rate: float

    def roll_out(self, cases: Sequence[tuple[Case, int]], rng: np.random.Generator, runs: int) -> list[Ends]:
        """`runs` rollouts of each case at its requests per second, all of them at once."""
        each = [case.arrivals(rng, runs, rate, len(self.margins)) for case, rate in cases]

        def arrive(weight: float, blocks: int, began: int) -> list[Arrivals]:
            found = [one(weight, blocks, began) for one in each]
            return [stacked(of_guardrail) for of_guardrail in zip(*found, strict=True)]

        ends = rollouts(arrive, runs * len(each), self.steps, self.margins, self.alpha, deadline=DEADLINE)
        return [ends[at * runs : (at + 1) * runs] for at in range(len(each))]

    def twice_the_margin(self, usual: float) -> float:
        return usual + 2 * (self.margins[0].limit(usual) - usual)


def manifests(quick: bool) -> Iterator[Manifest]:
    """Every one of examples/ that compares with stable; those that are equal to the statistics are one."""
    found: dict[Manifest, list[str]] = {}
    for name, spec in examples():
        margins = tuple(margin_of(metric.stable) for metric in spec.analysis.metrics if metric.stable)[:2]
        steps = tuple(Step(one.weight / 100, int(one.hold.total_seconds() / SECONDS)) for one in _weights(spec))
        if margins and steps and not (quick and name != "rollout-minimal.yaml"):
            one = Manifest("", steps, margins, allocation(spec), float(spec.analysis.error_rate))
            found.setdefault(one, []).append(name)
    for one, names in found.items():
        yield replace(one, name=", ".join(name.removeprefix("rollout-") for name in names))


def _weights(spec: RolloutSpec) -> Iterator[Any]:
    for step in spec.steps:
        if step.weight and step.weight < 100:
            yield step


def whole_rollouts(runs: int, quick: bool) -> Table:
    """Healthy, twice the margin worse, and five points more errors from the middle of the last hold on."""
    rows = []
    for manifest in manifests(quick):
        begins = sum(step.hold for step in manifest.steps[:-1]) + manifest.steps[-1].hold // 2
        for rate in (500,) if quick else RATES:
            cells = (0.001,) if quick else PROPORTIONS
            cases = [
                (case, rate)
                for usual in cells
                for case in (
                    Case(usual, usual),
                    Case(usual, manifest.twice_the_margin(usual)),
                    Case(usual, usual + 0.05, begins),
                )
            ]
            ends = manifest.roll_out(cases, np.random.default_rng([7, rate]), runs)
            for usual, good, bad, late in zip(cells, ends[::3], ends[1::3], ends[2::3], strict=True):
                rows.append(_row([manifest.name, f"{rate}/s", f"{100 * usual:g} %"], good, bad, late, begins))
    head = ["manifest", "traffic", "errors", "healthy: rolled back", "promoted", "median", "twice the margin: promoted"]
    return Table("manifests", [*head, "rolled back", "late fault: promoted", "found after"], rows)


def _row(cell: list[str], good: Ends, bad: Ends, late: Ends, begins: int) -> list[str]:
    return [
        *cell,
        percent(good.rolled_back, limit=0.05),
        percent(good.promoted),
        seconds(good.passed),
        percent(bad.promoted, limit=0.05),
        percent(bad.rolled_back),
        percent(late.promoted, limit=0.05),
        seconds(late.failed - begins),
    ]


def in_bursts(runs: int, quick: bool) -> Table:
    """Healthy rollouts at 50 requests a second and 0.2 % errors that come in bursts: every rollback is false."""
    means, rows = (1, 5, 20, 100), []
    for manifest in manifests(quick):
        for sticky in (Sticky.POD,) if quick else Sticky:
            cases = [(Case(0.002, 0.002, mean=mean, sticky=sticky), 50) for mean in means]
            ends = manifest.roll_out(cases, np.random.default_rng(14), runs)
            shares = [percent(one.rolled_back, limit=manifest.error_rate) for one in ends]
            rows.append([manifest.name, sticky.value, *shares])
    return Table("manifests-bursts", ["manifest", "sticky by", *(f"mean {mean}" for mean in means)], rows)


def beside_rivals(runs: int, quick: bool) -> Table:
    """The same rollouts with other judges: each step is looked at while it holds, the first guardrail only."""
    rows = []
    for manifest in manifests(quick):
        for rate, usual in [(50, 0.001)] if quick else product(RATES, PROPORTIONS):
            judged = []
            for worse in (usual, manifest.twice_the_margin(usual)):
                rng = np.random.default_rng([15, rate, int(1000 * usual)])
                arrive = Case(usual, worse).arrivals(rng, runs, rate, 1)
                failed = {name: np.zeros(runs, bool) for name in RIVALS}
                for step in manifest.steps:
                    (counted,) = arrive(step.weight, step.hold, 0)
                    for name, rival in RIVALS.items():
                        ends = rival(counted, manifest.margins[0].limit(usual) - usual, usual, 0)
                        failed[name] |= np.isfinite(ends)
                judged.append(failed)
            healthy, worse_ones = judged
            shares = [(float(healthy[name].mean()), float((~worse_ones[name]).mean())) for name in RIVALS]
            shown = [", ".join(percent(share, limit=0.05) for share in pair) for pair in shares]
            rows.append([manifest.name, f"{rate}/s", f"{100 * usual:g} %", *shown])
    return Table("manifests-rivals", ["manifest", "traffic", "errors", *RIVALS], rows)
