"""Plays storms of crashes on the retraining loop until so many processes were killed, and says what was found.

    .venv/bin/python -m benchmarks.crashes                       a thousand crashes, some twenty seconds on one core
    .venv/bin/python -m benchmarks.crashes --crashes 10000 --seed 100

Each storm is a world of its own with 50 crashes: tests/retraining/storms.py. Exit code 1 when something was doubled or
lost; the seed brings it back.
"""

from __future__ import annotations

import argparse
import sys
import time

from tests.retraining.storms import weathered

EACH = 50


def main() -> int:
    """Run the storms; 0 unless one of them broke something."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.crashes", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--crashes", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1, help="of the first storm")
    asked = parser.parse_args()
    failed, within, runs, sent, deliveries, jumps = 0, 0, 0, 0, 0, 0
    storms = -(-asked.crashes // EACH)
    for seed in range(asked.seed, asked.seed + storms):
        try:
            storm = weathered(seed, EACH)
        except AssertionError as error:
            failed += 1
            print(error, flush=True)
            continue
        within += storm.within
        runs += len(storm.world.runs())
        sent += storm.sent
        deliveries += storm.deliveries
        jumps += storm.jumps
    print(
        f"{storms * EACH} crashes ({within} inside of a pass) of two operators, {jumps} jumps of clocks, {deliveries} "
        f"deliveries of {sent} events: {runs} runs, {failed} storms in which one was doubled or lost "
        f"({time.process_time():.0f} s of one core)"
    )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
