"""Runs all simulations of the statistics and writes their tables and plots into docs/statistics.md.

    .venv/bin/python -m benchmarks.simulations                      ten minutes of one core
    .venv/bin/python -m benchmarks.simulations --only late,means    some of them
    .venv/bin/python -m benchmarks.simulations --quick              a few cells with few runs, printed and not written

The tables are also printed as they come.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.simulations import ab_tests, attempts, fixed_weight, frozen, late, manifests, means, plots, pods
from benchmarks.simulations.tables import Table, write

DOCS = Path(__file__).resolve().parents[2] / "docs"
RUNS, QUICK_RUNS = 200, 8


def main() -> int:
    """Run what was asked for; 0 unless it failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simulations", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="a few cells with few runs, printed and not written")
    parser.add_argument("--only", help="the names of some of them, with commas between: " + ", ".join(SIMULATIONS))
    asked = parser.parse_args()
    names = asked.only.split(",") if asked.only else list(SIMULATIONS)
    if not asked.quick:
        os.nice(10)
    for name in names:
        tables = SIMULATIONS[name](QUICK_RUNS if asked.quick else RUNS, asked.quick)
        print(f"{time.process_time():6.0f} s  {name}", file=sys.stderr, flush=True)
        print("\n\n".join(table.markdown() for table in tables), flush=True)
        if not asked.quick:
            write(tables, DOCS / "statistics.md")
    return 0


def _late_faults(runs: int, quick: bool) -> list[Table]:
    found, delays = late.late_faults(runs // 2, quick)
    if not quick:
        plots.delays_of_late_faults(delays, DOCS / "statistics" / "late-faults.svg")
    return [found]


def _identical_models(runs: int, quick: bool) -> list[Table]:
    if not quick:
        plots.false_fails_over_time(late.over_time(2 * runs), DOCS / "statistics" / "false-fails.svg")
    return [fixed_weight.identical_models(2 * runs, quick)]


SIMULATIONS: dict[str, Callable[[int, bool], list[Table]]] = {
    "identical": _identical_models,
    "passing": lambda runs, quick: [fixed_weight.passing(runs, quick)],
    "bursts": fixed_weight.bursts_of_errors,
    "late": _late_faults,
    "labels": lambda runs, quick: [late.labels(runs // 4, quick)],
    "attempts": lambda runs, quick: [attempts.begun_again(2 * runs, quick)],
    "means": lambda runs, quick: [
        means.identical(runs, quick),
        means.passing(runs // 2, quick),
        means.late(runs // 4, quick),
    ],
    "frozen": lambda runs, quick: [frozen.after_the_switch(runs, quick)],
    "pods": lambda runs, quick: [pods.bursts_by_pod(runs, quick), pods.late_by_pod(runs // 2, quick)],
    "ab-tests": lambda runs, quick: [ab_tests.whole_tests(runs, quick), ab_tests.counted_by(runs // 4, quick)],
    "manifests": lambda runs, quick: [
        manifests.whole_rollouts(runs // 2, quick),
        manifests.in_bursts(runs, quick),
        manifests.beside_rivals(runs, quick),
    ],
}


if __name__ == "__main__":
    sys.exit(main())
