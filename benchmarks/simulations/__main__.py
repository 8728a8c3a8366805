"""Runs all simulations of the statistics and writes their tables and plots into docs/statistics.md.

    .venv/bin/python -m benchmarks.simulations            about six minutes on one core
    .venv/bin/python -m benchmarks.simulations --quick    a few cells with few runs, printed and not written

The tables are also printed as they come.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from pathlib import Path

from benchmarks.simulations import fixed_weight, late, manifests, plots
from benchmarks.simulations.tables import Table, write

DOCS = Path(__file__).resolve().parents[2] / "docs"
RUNS, QUICK_RUNS = 200, 20


def main() -> int:
    """Run what was asked for; 0 unless it failed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.simulations", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="a few cells with few runs, printed and not written")
    quick = parser.parse_args().quick
    if not quick:
        os.nice(10)
    runs = QUICK_RUNS if quick else RUNS
    tables: list[Table] = []

    def done(*more: Table) -> None:
        tables.extend(more)
        names = ", ".join(table.name for table in more)
        print(f"{time.process_time():6.0f} s  {names}", file=sys.stderr, flush=True)
        print("\n\n".join(table.markdown() for table in more), flush=True)

    done(fixed_weight.identical_models(2 * runs, quick))
    done(fixed_weight.passing(runs, quick))
    done(*fixed_weight.bursts_of_errors(runs, quick))
    found, delays = late.late_faults(runs // 2, quick)
    done(found)
    done(late.labels(runs // 4, quick))
    done(manifests.whole_rollouts(runs, quick))
    if not quick:
        write(tables, DOCS / "statistics.md")
        plots.false_fails_over_time(late.over_time(2 * runs), DOCS / "statistics" / "false-fails.svg")
        plots.delays_of_late_faults(delays, DOCS / "statistics" / "late-faults.svg")
    return 0


if __name__ == "__main__":
    sys.exit(main())
