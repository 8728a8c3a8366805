"""Replays a policy over what is recorded: when it would have fired, and what held it back. Pure.

Each step is a pass of the operator's own planner over a world whose clock is the recording. What the past cannot say is
assumed: how long a run takes, and how it ends. A better model would have changed the recording; a replay cannot show
that, so a decline that lasts goes on firing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from modelwright.analysis.blocks import Moments
from modelwright.analysis.counts import Counts
from modelwright.api.metrics import Bounds
from modelwright.api.policy import PolicyStatus, RetrainPolicy
from modelwright.api.run import Purpose, RetrainRun
from modelwright.cluster.answers import Answer
from modelwright.metrics.configuration import MetricSource
from modelwright.retraining.observation import PolicyObservation, RunObservation
from modelwright.retraining.plan import lineage, plan_policy, plan_run
from modelwright.retraining.plan.limits import spent_out
from modelwright.retraining.rates import PipelineRates
from modelwright.simulation import world
from modelwright.simulation.recorded import Look, Recorded

NOT_HELD = ("NotTriggered", "Triggered", "Launching", "PipelineRunning", "Checking")


@dataclass(frozen=True)
class Assumptions:
    """`takes` is the time from launch to verdict, `outcome` Approved, Rejected or Failed."""

    takes: timedelta = timedelta(hours=1)
    outcome: str = "Approved"


@dataclass(frozen=True)
class Fired:
    """One run: when it was created, by which triggers with which numbers, when its pipeline was launched, and what it
    would have cost until it ended, by the platform's rates."""

    at: datetime
    why: str
    launched_at: datetime | None = None
    ended_at: datetime | None = None
    outcome: str = ""
    cost: str = ""


@dataclass(frozen=True)
class Replayed:
    """`held` says how long each limit held something back. `beyond`, `sure` and `unknown` are by trigger: how long the
    value was beyond its bounds, how long surely so, and how long nothing was known."""

    start: datetime
    end: datetime
    fired: tuple[Fired, ...] = ()
    held: Mapping[str, timedelta] = field(default_factory=dict)
    beyond: Mapping[str, timedelta] = field(default_factory=dict)
    sure: Mapping[str, timedelta] = field(default_factory=dict)
    unknown: Mapping[str, timedelta] = field(default_factory=dict)
    stalled: str = ""

    @property
    def launches(self) -> int:
        return sum(fired.launched_at is not None for fired in self.fired)

    @property
    def cost(self) -> str:
        """Of all runs that ended, such as "12.40 EUR", "" where no price is known."""
        sums: dict[str, Decimal] = {}
        for fired in self.fired:
            amount, _, currency = fired.cost.partition(" ")
            if currency:
                sums[currency] = sums.get(currency, Decimal(0)) + Decimal(amount)
        return ", ".join(f"{amount:.2f} {currency}" for currency, amount in sums.items())


class Replay:
    """One policy on its way through the recording."""

    def __init__(
        self,
        policy: RetrainPolicy,
        recorded: Recorded,
        sources: Mapping[str, MetricSource],
        step: timedelta,
        assumptions: Assumptions,
        rates: Mapping[str, PipelineRates] | None = None,
    ) -> None:
        self._rates = rates or {}
        self._policy = world.simulated(policy)
        self._recorded, self._sources, self._step, self._assumptions = recorded, sources, step, assumptions
        self._rollout = world.follower_of(policy)
        self._runs: dict[str, RetrainRun] = {}
        self._questions: tuple[Any, ...] = ()
        self._fired: dict[str, Fired] = {}
        self._held: dict[str, timedelta] = {}
        self._beyond: dict[str, timedelta] = {}
        self._sure: dict[str, timedelta] = {}
        self._unknown: dict[str, timedelta] = {}
        self._stalled = ""

    def through(self, start: datetime, end: datetime) -> Replayed:
        now = start
        while now <= end:
            self._end_runs(now)
            self._launch_runs(now)
            self._look(now)
            now += self._step
        return Replayed(
            start,
            end,
            tuple(self._fired.values()),
            self._held,
            self._beyond,
            self._sure,
            self._unknown,
            self._stalled,
        )

    def _look(self, now: datetime) -> None:
        answers = {
            question: Answer(now, now, value)
            for question in self._questions
            if (value := self._recorded.answer(question, now)) is not None
        }
        observation = PolicyObservation(
            self._policy,
            runs=tuple(self._runs.values()),
            followers=(self._rollout,),
            servers=world.SERVERS,
            rates=self._rates,
            sources=self._sources,
            answers=answers,
        )
        plan = plan_policy(observation, now)
        self._questions = plan.questions
        self._policy = replace(self._policy, status=plan.status)
        for run in plan.delete_runs:
            self._runs.pop(run.name, None)
        if plan.create_run:
            run = world.created(plan.create_run, now)
            self._runs[run.name] = run
            why = "; ".join(f"{each.trigger} {each.value} ({each.bound})" for each in run.spec.evidence)
            self._fired[run.name] = Fired(now, why)
        self._count(plan.status, now)

    def _launch_runs(self, now: datetime) -> None:
        for run in self._waiting():
            siblings = tuple(other for other in self._runs.values() if other.name != run.name)
            observation = RunObservation(
                run, self._policy, now, siblings=siblings, followers=(self._rollout,), servers=world.SERVERS
            )
            plan = plan_run(observation, now)
            self._runs[run.name] = replace(run, status=plan.status)
            if world.launched_at(self._runs[run.name]):
                self._runs[run.name] = world.begun(self._runs[run.name], now)
                self._fired[run.name] = replace(self._fired[run.name], launched_at=now)
            elif condition := lineage.succeeded(self._runs[run.name]):
                self._hold(condition.reason)

    def _waiting(self) -> Iterator[RetrainRun]:
        runs = sorted(self._runs.values(), key=lambda run: run.spec.number)
        return (run for run in runs if not lineage.finished(run) and not world.launched_at(run))

    def _end_runs(self, now: datetime) -> None:
        for run in tuple(self._runs.values()):
            launched = world.launched_at(run)
            if lineage.finished(run) or launched is None:
                continue
            at, outcome = self._end_of(run, launched)
            if now < at:
                continue
            if run.spec.purpose is Purpose.EVALUATE and outcome != "SpentOut":
                # Nobody knows what it would have found; nothing follows from a champion that holds.
                outcome = "Evaluated"
            over = world.ended(run, at, outcome)
            self._runs[run.name] = over
            known = over.status.pipeline_run
            self._fired[run.name] = replace(self._fired[run.name], cost=known.cost, ended_at=at, outcome=outcome)
            if over.status.phase == "Approved":
                self._rollout = world.taken_up(self._rollout, over, now)

    def _end_of(self, run: RetrainRun, launched: datetime) -> tuple[datetime, str]:
        others = tuple(other for other in self._runs.values() if other.name != run.name)
        out, done = spent_out(self._policy, run, others), launched + self._assumptions.takes
        return (out[0], "SpentOut") if out and out[0] < done else (done, self._assumptions.outcome)

    def _count(self, status: PolicyStatus, now: datetime) -> None:
        for condition in status.conditions:
            if condition.type == "Stalled":
                self._stalled = condition.message
            if condition.type == "Retraining" and not self._launched_something():
                self._hold(condition.reason)
        for trigger, known in zip(self._policy.spec.triggers, status.triggers, strict=False):
            if trigger.metric is None:
                continue
            look = self._recorded.at(trigger.name, now)
            _add(self._beyond, trigger.name, self._step, look is not None and _is_beyond(look, trigger.metric.bounds))
            _add(self._sure, trigger.name, self._step, known.verdict in ("Firing", "Pending"))
            _add(self._unknown, trigger.name, self._step, look is None)

    def _launched_something(self) -> bool:
        """A run that waits is counted as such, and one that runs holds nothing back but itself."""
        return any(not lineage.finished(run) for run in self._runs.values())

    def _hold(self, reason: str) -> None:
        _add(self._held, reason, self._step, reason not in NOT_HELD)


def _is_beyond(look: Look, bounds: Bounds) -> bool:
    if isinstance(look, Counts):
        value = look.events / look.total if look.total else None
    elif isinstance(look, Moments):
        value = look.sum / look.count if look.count else None
    else:
        value = look[0]
    if value is None:
        return False
    below = bounds.min is not None and value < float(bounds.min)
    return below or (bounds.max is not None and value > float(bounds.max))


def _add(times: dict[str, timedelta], name: str, step: timedelta, applies: bool) -> None:
    times[name] = times.get(name, timedelta(0)) + (step if applies else timedelta(0))
