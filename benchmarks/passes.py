"""What one pass of the planner over a rollout costs: a step with three guardrails of two arms, ten minutes old.

Reported are the processor time of a pass after each new look at all of them, and of one with nothing new. Kubernetes is
not asked: this is `plan_rollout` alone, on the simulated world of the tests.

    .venv/bin/python benchmarks/passes.py [--looks 300]
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks.queries import machine
from tests.simulation.rollout_world import ERRORS, SPEC, V2, World, in_step, serving_v1

from modelwright.api.rollout import Analysis, Step

GUARDRAILS = tuple(replace(ERRORS, name=name, fast_limit=None) for name in ("errors", "slow", "wrong"))


def stepping() -> World:
    """A rollout in a step of 10 % for ten minutes, at 50 requests a second."""
    analysis = Analysis(interval=timedelta(seconds=10), metrics=GUARDRAILS)
    world = serving_v1(spec=replace(SPEC, steps=(Step(10, timedelta(hours=12)),), analysis=analysis), rate=50, step=10)
    world.edit(model=V2)
    world.until(in_step(1))
    world.tick(600)
    return world


def microseconds(world: World) -> float:
    began = time.process_time_ns()
    world.plan()
    return (time.process_time_ns() - began) / 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--looks", type=int, default=300)
    options = parser.parse_args()
    world, fresh, idle = stepping(), [], []
    for _ in range(options.looks):
        world.now += timedelta(seconds=world.step)
        world._serve_traffic()
        world._sample()
        fresh.append(microseconds(world))
        idle.append(microseconds(world))
        world.reconcile()
    told = {"pass after a new look, µs": round(median(fresh)), "pass with nothing new, µs": round(median(idle))}
    print(json.dumps({"machine": machine(), **told}, indent=1, ensure_ascii=False))


if __name__ == "__main__":
    main()
