"""Whole rollouts by the rules of the plan: a step needs no Fail while it holds, the way to 100 % needs a Pass."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from benchmarks.simulations.vectorised import Arrivals, Befores, Evidences, Flags
from numpy.typing import NDArray

from modelwright.analysis.alpha import Allocation
from modelwright.analysis.margin import Margin
from modelwright.analysis.starts import DOUBT

NEVER = np.inf
HOUR = 360
"""Blocks in an hour."""
ENOUGH = 50
"""Observations of the smaller arm without which a hold does not count; as rollouts/plan demands it."""


@dataclass(frozen=True)
class Ends:
    """When each rollout was rolled back and when promoted, in blocks since it began; infinity if it was not."""

    failed: NDArray[np.float64]
    passed: NDArray[np.float64]

    def __getitem__(self, rollouts: slice) -> Ends:
        return Ends(self.failed[rollouts], self.passed[rollouts])

    @property
    def rolled_back(self) -> float:
        """The share of all rollouts."""
        return float(np.mean(np.isfinite(self.failed)))

    @property
    def promoted(self) -> float:
        """The share of all rollouts."""
        return float(np.mean(np.isfinite(self.passed)))


def first_fail(evidence: Evidences, arrivals: Arrivals, alpha: float) -> NDArray[np.float64]:
    """In how many blocks each rollout fails; `evidence` goes on from where it is."""
    rollouts, blocks = arrivals.shape
    failed = np.full(rollouts, NEVER)
    for block in range(blocks):
        add(evidence, arrivals, block)
        failed = np.where(np.isinf(failed) & evidence.fails(alpha), block + 1, failed)
    return failed


def add(evidence: Evidences, arrivals: Arrivals, block: int) -> None:
    """Fold the block with this number."""
    evidence.add(*(arm[:, block] for arm in vars(arrivals).values()))


@dataclass(frozen=True)
class Step:
    """`weight` of the candidate, 0 to 1, for at least `hold` blocks."""

    weight: float
    hold: int


Arrive = Callable[[float, int, int], list[Arrivals]]
"""(weight, blocks, block at which the step begins) -> what each guardrail counts."""


def rollouts(
    arrive: Arrive, number: int, steps: Sequence[Step], margins: Sequence[Margin], alpha: Allocation, *, deadline: int
) -> Ends:
    """Take `number` rollouts through all steps; those undecided after `deadline` blocks are neither.

    All rollouts of a step begin it together; in its last one each waits for its own Pass. All steps know what stable
    counted in the hour before the first.
    """
    failed, passed = np.full(number, NEVER), np.full(number, NEVER)
    began, befores = 0, [Befores(one.stable, one.stable_bad) for one in arrive(0.0, HOUR, -HOUR)]
    for step in steps:
        last = step is steps[-1]
        length = deadline - began if last else step.hold
        counted = arrive(step.weight, length, began)
        evidence = [Evidences(number, margin, before) for margin, before in zip(margins, befores, strict=True)]
        for block in range(length):
            for one, arrivals in zip(evidence, counted, strict=True):
                add(one, arrivals, block)
            is_open = np.isinf(failed) & np.isinf(passed)
            now = began + block + 1
            fails = is_open & np.logical_or.reduce([one.fails(alpha.fail) for one in evidence])
            failed[fails] = now
            if last and block + 1 >= step.hold:
                passed[_all_pass(evidence, alpha.pass_, is_open & ~fails)] = now
                if not (np.isinf(failed) & np.isinf(passed)).any():
                    break
        began += length
    return Ends(failed, passed)


def _all_pass(evidence: Sequence[Evidences], alpha: float, among: Flags) -> Flags:
    for one in evidence:
        among = one.passes(alpha, DOUBT, among & (one.candidate >= ENOUGH) & (one.stable >= ENOUGH))
    return among
