"""A year of a policy, from event to event, through the pure planner: noise, daily drift, late labels, declines, limits.

The clock goes from look to look, and to each moment at which the plans say that something changes: there, and a second
before it, everything is planned again.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from tests.retraining.builders import answered, described, policy_seen, run_seen

from modelwright.analysis.counts import Counts
from modelwright.api.conditions import Condition
from modelwright.api.policy import RetrainPolicy
from modelwright.api.run import RetrainRun
from modelwright.kubeflow.questions import DescribePipeline
from modelwright.metrics.questions import CountsLook
from modelwright.retraining.plan import lineage, plan_policy, plan_run
from modelwright.retraining.plan.limits import BEFORE_LAUNCHING, Situation, first_hold, spent_out

HOUR, HALF_A_MINUTE, SECOND = timedelta(hours=1), timedelta(seconds=30), timedelta(seconds=1)


@dataclass
class Year:
    """`decline` is from when to when the model is worse by `by`. Labels of an hour are there `horizon` hours later and
    count for `window` hours; each run is rejected after `takes`, or when its budget ends. `late` names those that could
    have been launched a second before."""

    policy: RetrainPolicy
    start: datetime
    seed: int = 1
    labels_per_hour: int = 60
    accuracy: float = 0.925
    decline: tuple[datetime, datetime] | None = None
    by: float = 0.08
    window: int = 24
    horizon: int = 6
    takes: timedelta = 2 * HOUR
    runs: list[RetrainRun] = field(default_factory=list)
    created: dict[str, RetrainRun] = field(default_factory=dict)
    launched: dict[str, datetime] = field(default_factory=dict)
    ended: dict[str, datetime] = field(default_factory=dict)
    late: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        self._labels: list[Counts] = []
        self._ends: dict[str, datetime] = {}

    def live(self, days: int) -> None:
        now, look, end = self.start, self.start, self.start + timedelta(days=days)
        while now < end:
            if now == look:
                self._label(now)
                look += HOUR
            self._end(now)
            soonest = [look, *self._launch(now), *self._plan(now), *self._launch(now), *self._ends.values()]
            now = min(each for each in soonest if each > now)

    def _label(self, now: datetime) -> None:
        """What was predicted in this hour: fewer at night, a little worse in the evening, never quite the same."""
        of_day = 2 * math.pi * now.hour / 24
        many = max(0, round(self._random.gauss(1, 0.2) * self.labels_per_hour * (1 - 0.7 * math.cos(of_day))))
        share = self.accuracy + 0.01 * math.sin(of_day) + self._random.gauss(0, 0.005)
        if self.decline and self.decline[0] <= now < self.decline[1]:
            share -= self.by
        spread = math.sqrt(max(many * share * (1 - share), 0.0))
        right = min(max(round(self._random.gauss(many * share, spread)), 0), many)
        self._labels.append(Counts(right, many))

    def _seen(self) -> Counts:
        known = self._labels[: -self.horizon][-self.window :]
        return Counts(sum(each.events for each in known), sum(each.total for each in known))

    def _plan(self, now: datetime) -> Iterator[datetime]:
        seen = {"runs": tuple(self.runs)}
        questions = plan_policy(policy_seen(self.policy, **seen), now).questions
        looks = {each: answered(CountsLook(self._seen(), now), now) for each in questions if not _is_pipeline(each)}
        plan = plan_policy(policy_seen(self.policy, answers={**described(now), **looks}, **seen), now)
        self.policy = replace(self.policy, status=plan.status)
        for each in plan.delete_runs:
            self.runs = [run for run in self.runs if run.name != each.name]
        if plan.create_run:
            self.runs.append(replace(plan.create_run, uid=plan.create_run.name, created_at=now))
            self.created[plan.create_run.name] = self.runs[-1]
        # What asks to be looked at each half minute waits for something that has a time of its own here.
        if plan.requeue_after and plan.requeue_after > HALF_A_MINUTE:
            yield now + plan.requeue_after
        if plan.status.pending and plan.status.pending.until:
            yield plan.status.pending.until
        for run in self.runs:
            if run.created_at == now:
                yield now + SECOND

    def _launch(self, now: datetime) -> Iterator[datetime]:
        for number, run in enumerate(self.runs):
            if lineage.finished(run) or run.status.pipeline_run.requested_at:
                continue
            others = tuple(other for other in self.runs if other is not run)
            if self._asks(run, others, now):
                since = replace(run.status.pipeline_run, requested_at=now, id=run.name, state="RUNNING", started_at=now)
                self.runs[number] = replace(run, status=replace(run.status, pipeline_run=since))
                self.launched[run.name] = now
                out = spent_out(self.policy, self.runs[number], others)
                self._ends[run.name] = min(now + self.takes, out[0] if out else now + self.takes)
                if run.created_at and now - run.created_at > SECOND and self._asks(run, others, now - SECOND):
                    self.late.append(f"{run.name} could have been launched before {now}")
            elif until := self._until(run, others, now):
                yield until

    def _asks(self, run: RetrainRun, others: tuple[RetrainRun, ...], at: datetime) -> bool:
        status = plan_run(run_seen(run, self.policy, siblings=others), at).status
        return status.pipeline_run.requested_at is not None

    def _until(self, run: RetrainRun, others: tuple[RetrainRun, ...], now: datetime) -> datetime | None:
        seen = run_seen(run, self.policy)
        hold = first_hold(BEFORE_LAUNCHING, Situation(self.policy, (*others, run), seen.followers[0], now, run))
        return hold.until if hold else None

    def _end(self, now: datetime) -> None:
        for number, run in enumerate(self.runs):
            if self._ends.get(run.name) == now:
                self.ended[run.name] = self._ends.pop(run.name)
                over = Condition("Succeeded", "False", "GateRejected", "", 1, now)
                known = replace(run.status.pipeline_run, state="SUCCEEDED", finished_at=now)
                status = replace(run.status, phase="Rejected", pipeline_run=known, conditions=(over,))
                self.runs[number] = replace(run, status=status)


def _is_pipeline(question: object) -> bool:
    return isinstance(question, DescribePipeline)
