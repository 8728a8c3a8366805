"""Hours of a policy during which everything goes wrong at random, from one seed: what was to happen, and what did.

Two operators plan and write at once. Each is killed again and again between any two of its writes, clocks jump, calls
to the pipeline server lose their answers or arrive late, and every webhook is delivered many times over, also while
its first delivery is under way.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from datetime import timedelta
from typing import Any

from tests.retraining.fakes import FakeCluster
from tests.retraining.simulation import POLICY, World, policy_body

from modelwright.cluster.keys import Key
from modelwright.errors import Conflict
from modelwright.receiving.formats import Occurrence
from modelwright.receiving.inbox import Full
from modelwright.receiving.storing import store

TRAINS_FOR = timedelta(minutes=8)
FAULTS = ("answer lost", "arrives late", "request lost", "down")
JUMPS = tuple(timedelta(seconds=seconds) for seconds in (-3600, -300, -45, 0, 0, 0, 45, 300, 3600))
ACTIONS = {
    "step": 30,
    "pass": 16,
    "wait": 10,
    "answer": 14,
    "kill": 9,
    "on": 8,
    "deliver": 4,
    "fault": 2,
    "jump": 1,
}
"""How often each is drawn."""
EVERYTHING = {
    "triggers": [
        {"name": "dataset", "event": {"type": "published", "source": "lake"}},
        {"name": "hourly", "schedule": {"cron": "0 * * * *", "startingDeadline": "6h"}},
        *policy_body()["spec"]["triggers"],
    ],
    "limits": {"cooldown": "0s"},
    "history": {"approved": 1000, "rejected": 1000, "failed": 1000},
}


class Storm:
    """One world in its storm. `crashes` counts processes that were killed, `within` those killed inside a pass."""

    def __init__(self, seed: int) -> None:
        body = policy_body()
        self.world = World(degraded=False, policy={**body, "spec": {**body["spec"], **EVERYTHING}})
        self.random = random.Random(seed)
        self.crashes = self.within = self.deliveries = self.jumps = 0
        self.sent = 0
        self.accepted: set[str] = set()
        self._begun = self._looked = self.world.now
        self._under_way: list[tuple[str, Coroutine[Any, Any, int]]] = []
        # A schedule begins at its first look, by whichever clock: that one is right.
        self.world.round()

    def rage(self, crashes: int) -> None:
        """Until so many processes were killed."""
        while self.crashes < crashes:
            self._act()
            self._train()

    def calm_down(self, rounds: int = 60) -> None:
        """No more faults, and time for everything that is still under way."""
        world = self.world
        world.kubeflow.faults.clear()
        world.degraded = False
        for operator in world.operators:
            operator.ahead = timedelta(0)
        while self._under_way:
            self._deliver_on()
        quiet = 0
        for _ in range(rounds):
            before = len(world.runs())
            self._looked = world.now
            world.round()
            world.kubeflow.pass_time(timedelta(minutes=2))
            self._train()
            waits = "pending" in world.api.objects["RetrainPolicy", "churn"]["status"]
            at_rest = not waits and len(world.runs()) == before and all(_ended(run) for run in world.runs())
            quiet = quiet + 1 if at_rest else 0
            if quiet == 3:
                return
        raise AssertionError("the world does not come to rest")

    def violations(self) -> Iterator[str]:
        """What must not have happened, after it calmed down."""
        runs = self.world.runs()
        for run in runs:
            alive, name = self.world.alive(run), run["metadata"]["name"]
            asked = "requestedAt" in run["status"].get("pipelineRun", {})
            if len(alive) != (1 if asked else 0):
                yield f"{name} has {len(alive)} pipeline runs and asked for {'one' if asked else 'none'}"
        for trigger, occasion in _several((e["trigger"], e["occasion"]) for e in _evidence(runs) if "occasion" in e):
            yield f"{trigger} started several runs for {occasion}"
        for number in _several(run["spec"]["number"] for run in runs):
            yield f"several runs have the number {number}"
        status = self.world.api.objects["RetrainPolicy", "churn"]["status"]
        events = {each["id"]: each for each in status.get("events", ())}
        if lost := sorted(id_ for id_ in self.accepted if not events.get(id_, {}).get("run")):
            yield f"accepted, and without a run: {', '.join(lost)}"
        counted = sum(each["samples"] for each in _evidence(runs) if each["trigger"] == "dataset")
        if counted != len(events):
            yield f"{len(events)} events came in, and the runs were started for {counted}"
        yield from self._missed_slots(runs)

    def _missed_slots(self, runs: list[dict[str, Any]]) -> Iterator[str]:
        """The newest slot has a run: those before it may have been passed over, by a clock that jumped."""
        newest = self._looked.replace(minute=0, second=0, microsecond=0)
        slots = {each["occasion"] for each in _evidence(runs) if each["trigger"] == "hourly"}
        if newest > self._begun and newest.isoformat().replace("+00:00", "Z") not in slots:
            later = sorted(slots)[-1:]
            if not later or later[0] < newest.isoformat():
                yield f"no run for the slot {newest}, the last is {later}"

    def _act(self) -> None:
        world, draw = self.world, self.random
        who = draw.randrange(2)
        key = self._key()
        match draw.choices(list(ACTIONS), list(ACTIONS.values()))[0]:
            case "step":
                world.operators[who].step(key)
            case "pass":
                world.operators[who].whole_pass(key)
            case "answer":
                world.operators[who].answer(key)
            case "kill":
                for _ in range(draw.randrange(8)):
                    world.operators[who].step(key)
                self.crashes += 1
                self.within += world.operators[who].is_within_a_pass
                world.restart(who)
            case "deliver":
                self._deliver()
            case "on" if self._under_way:
                self._deliver_on()
            case "jump":
                self.jumps += 1
                world.operators[who].ahead = draw.choice(JUMPS)
            case "fault":
                world.kubeflow.faults.append(draw.choice(FAULTS))
            case "wait":
                world.degraded = draw.random() < 0.2
                world.kubeflow.pass_time(timedelta(seconds=draw.randrange(1, 200)))

    def _key(self) -> Key:
        """The policy, or one of the newest runs."""
        keys = self.world.keys()
        return self.random.choice([POLICY, *keys[-3:]])

    def _deliver(self) -> None:
        """A new event, or the storm of one that was sent before."""
        draw = self.random
        again = self.sent and draw.random() < 0.6
        number = draw.randrange(self.sent) if again else self.sent
        self.sent += not again
        for _ in range(draw.randrange(1, 6)):
            self.deliveries += 1
            occurrence = Occurrence(f"lake|{number}", "published", "lake")
            cluster: Any = FakeCluster(self.world.api)
            self._under_way.append((occurrence.id, store(cluster, "ml", (occurrence,), lambda: self.world.now)))

    def _deliver_on(self) -> None:
        """A delivery goes on up to its next call; one in twenty is lost with its process, and not acknowledged."""
        at = self.random.randrange(len(self._under_way))
        id_, delivery = self._under_way[at]
        if self.random.random() < 0.05:
            delivery.close()
            del self._under_way[at]
            return
        try:
            delivery.send(None)
        except StopIteration as done:
            if done.value:
                self.accepted.add(id_)
            del self._under_way[at]
        except (Conflict, Full):
            del self._under_way[at]

    def _train(self) -> None:
        kubeflow = self.world.kubeflow
        for id_, run in list(kubeflow.runs.items()):
            if not run.ended and run.created_at and kubeflow.now - run.created_at >= TRAINS_FOR:
                kubeflow.end(id_, self.random.choice(("SUCCEEDED", "SUCCEEDED", "FAILED")))


def weathered(seed: int, crashes: int) -> Storm:
    """A storm with so many crashes, after it calmed down. AssertionError names all that must not have happened."""
    storm = Storm(seed)
    storm.rage(crashes)
    storm.calm_down()
    found = list(storm.violations())
    assert not found, f"seed {seed}: {'; '.join(found)}"
    return storm


def _ended(run: dict[str, Any]) -> bool:
    with suppress(KeyError, IndexError):
        return bool(run["status"]["conditions"][0]["status"] != "Unknown")
    return False


def _evidence(runs: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for run in runs:
        yield from run["spec"]["evidence"]


def _several(found: Iterator[Any]) -> list[Any]:
    return [each for each, times in Counter(found).items() if times > 1]
