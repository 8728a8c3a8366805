"""A fake world around one ModelRollout, for simulations: pods, Services, a route, traffic and its counters.

It carries out plans as the API server and its controllers would, with lags and faults on demand, and checks the
invariants of the design at every change of weight.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from math import ceil
from typing import Any

from tests.simulation.fake_cluster import Deployment, do, observe
from tests.simulation.invariants import check_at_peace
from tests.simulation.metric_world import MetricWorld, arrivals, drawn

from modelwright.api.audience import percent_of
from modelwright.api.metrics import AgainstStable, FastLimit, Metric, Proportion
from modelwright.api.models import Model
from modelwright.api.rollout import (
    Analysis,
    Confirm,
    ManagedRoute,
    ModelRollout,
    Promotion,
    RolloutSpec,
    RolloutStatus,
    Stage,
    Step,
    Workload,
)
from modelwright.cluster.answers import Answer
from modelwright.metrics.configuration import MetricSource
from modelwright.registries.configuration import Registry
from modelwright.registries.questions import AliasQuestion, NoVersion, RegisteredVersion
from modelwright.rollouts.actions import (
    Action,
)
from modelwright.rollouts.observation import (
    Approved,
    Golden,
    Neighbour,
    Observation,
    RecordedRevision,
)
from modelwright.rollouts.plan import Plan, plan_rollout
from modelwright.smoke.questions import Smoke, SmokeQuestion
from modelwright.traffic.route import Split
from modelwright.webhooks.configuration import Webhook
from modelwright.webhooks.questions import Call, Heard

START = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
V1, V2, V3 = (Model(v, f"s3://models/churn/{v}", f"sha256:{v}") for v in ("v1", "v2", "v3"))

ERRORS = Metric(
    "errors",
    Proportion("model_request_errors_total{$(selector)}", "model_requests_total{$(selector)}"),
    stable=AgainstStable(max_increase=Decimal("0.02")),
    fast_limit=FastLimit(Decimal("0.5"), 20),
)

WORKLOAD = Workload({"spec": {"containers": [{"name": "model", "image": "serve:1"}]}})
SPEC = RolloutSpec(
    workload=WORKLOAD,
    route=ManagedRoute(({"name": "public"},)),
    model=V1,
    replicas=4,
    confirm=Confirm.ROUTE_ACCEPTED,
    steps=(Step(10, timedelta(seconds=20)), Step(50, timedelta(seconds=20))),
    analysis=Analysis(interval=timedelta(seconds=5), metrics=(ERRORS,)),
    promotion=Promotion(bake_time=timedelta(seconds=10), scale_down_delay=timedelta(seconds=10)),
)


class Conflicted(Exception):
    """The fake API server answered 409."""


@dataclass
class World:
    """`error_rate` maps versions to the share of their requests that fail, `rate` is requests per second, of
    which `tester_share` come from testers.

    `step` is how much time passes between two looks at the world, in seconds.
    """

    seed: int = 1
    spec: RolloutSpec = SPEC
    rate: float = 200
    error_rate: dict[str, float] = field(default_factory=dict)
    step: int = 1
    tester_share: float = 0.1
    unsupported: frozenset[str] = frozenset()
    start_delay: timedelta = timedelta(seconds=3)
    accept_delay: timedelta = timedelta(seconds=1)

    def __post_init__(self) -> None:
        self.random = random.Random(self.seed)
        self.metrics = MetricWorld(self.random)
        self.writes: list[datetime] = []
        self.sources: tuple[MetricSource, ...] = (MetricSource("default", "http://prometheus"),)
        self.gateway_exists = True
        self.now = START
        self.status = RolloutStatus()
        self.generation = 1
        self.annotations: dict[str, str] = {}
        self.approved: Approved | None = None
        self.chain: tuple[str, ...] = ()  # of rollouts that modelFrom leads over
        self.source_exists = True  # the policy or rollout that modelFrom names
        self.registries: dict[str, Registry] = {}
        self.registered: RegisteredVersion | NoVersion | None = None  # what a model registry answers
        self.webhooks: dict[str, Webhook] = {}
        self.heard: Heard | None = None  # what webhooks answer
        self.told: list[Call] = []  # calls of webhooks, in order
        self.golden: Golden | None = None
        self.smoke: Smoke | None = None  # what a smoke check finds
        self.neighbours: tuple[Neighbour, ...] = ()
        self.concurrent = 0
        self.name = "churn"
        self.deployments: dict[str, Deployment] = {}
        self.recorded: dict[str, RecordedRevision] = {}
        self.services: dict[str, str] = {}
        self.split: Split | None = None
        self.route_version = 0
        self.route_changed_at = START
        self.route_changed_by = ""
        self.route_fits = True  # whether all of it but the split is what the spec asks for
        self.answers: dict[Any, Answer] = {}
        self.questions: tuple[Any, ...] = ()
        self.dead: set[str] = set()  # versions whose pods are not ready
        self.restarted = True
        self.profile_problem = ""
        self.news: list[tuple[datetime, str, str]] = []
        self.splits: list[tuple[datetime, Split]] = []
        self.fail_next_apply: Callable[[Action], bool] | None = None
        self.lose_next_status = False

    # --- what the planner sees -----------------------------------------------------------------------------------

    def ready(self, revision: str) -> int:
        deployment = self.deployments.get(revision)
        if not deployment or deployment.model.version in self.dead:
            return 0
        return deployment.wanted if self.now - deployment.changed_at >= self.start_delay else 0

    @property
    def weight(self) -> int | None:
        return self.split.weight if self.split else None

    @weight.setter
    def weight(self, weight: int | None) -> None:
        self.split = None if weight is None else replace(self.split or Split(), weight=weight)

    @property
    def weights(self) -> list[tuple[datetime, int]]:
        return [(at, split.weight) for at, split in self.splits]

    def observe(self) -> Observation:
        return observe(self)

    def rollout(self) -> ModelRollout:
        return ModelRollout(
            "ml", self.name, "uid", self.generation, "1", self.spec, self.status, dict(self.annotations)
        )

    # --- what happens --------------------------------------------------------------------------------------------

    def edit(self, **fields: Any) -> None:
        self.spec = replace(self.spec, **fields)
        self.generation += 1

    def command(self, verb: str, id_: str = "1", revision: str | None = None) -> None:
        target = revision or (self.status.candidate.revision if self.status.candidate else "none")
        self.annotations["modelwright.dev/command"] = f"{verb}/{id_}/{target}"

    def restart(self) -> None:
        """The operator dies and starts again: answers and questions are gone, status and cluster stay."""
        self.answers, self.questions, self.restarted = {}, (), True

    def tick(self, seconds: int = 1) -> None:
        """At least `seconds`, in whole steps."""
        for _ in range(ceil(seconds / self.step)):
            self.now += timedelta(seconds=self.step)
            self._serve_traffic()
            self._sample()
            self.reconcile()

    def until(self, reached: Callable[[World], bool], limit: int = 600) -> World:
        """Let time pass until `reached`, but not longer than `limit` seconds."""
        for _ in range(ceil(limit / self.step)):
            if reached(self):
                return self
            self.tick(self.step)
        raise AssertionError(
            f"not reached within {limit} s: stage {self.status.stage}, step {self.status.step}, "
            f"conditions {[(c.type, c.reason, c.message) for c in self.status.conditions]}, "
            f"metrics {self.status.metrics}"
        )

    def _serve_traffic(self) -> None:
        if self.split is None:
            return
        for version, share in self.error_rate.items():
            self.metrics.rates["errors", version] = share
        came = arrivals(self.random, self.rate * self.step)
        # Users of a sticky canary are spread evenly over the buckets; of other testers there are as many as there are.
        by = self.spec.sticky_by
        share = (percent_of(self.split.testers, by) / 100 if by else 0.0) or self.tester_share
        of_testers = drawn(self.random, came, share) if self.split.testers else 0
        to_candidate = of_testers + drawn(self.random, came - of_testers, self.split.weight / 100)
        copies = drawn(self.random, came - of_testers, self.split.mirror / 100) if self.split.mirror else 0
        for role, requests in (("stable", came - to_candidate), ("candidate", to_candidate + copies)):
            revision = self.services.get(role)
            if revision is not None:
                version = self.deployments[revision].model.version if revision in self.deployments else ""
                self.metrics.serve(revision, version, requests, self.spec.analysis.metrics, self.now)

    def _sample(self) -> None:
        for question in self.questions:
            known = self.answers.get(question)
            if known and self.now - known.started_at < (question.every or timedelta(0)):
                continue
            if isinstance(question, Call):
                if known is None or question.every:
                    self.told.append(question)
                    self.answers[question] = Answer(self.now, self.now, self.heard)
                continue
            if isinstance(question, AliasQuestion | SmokeQuestion):
                said = self.registered if isinstance(question, AliasQuestion) else self.smoke
                if said:
                    self.answers[question] = Answer(self.now, self.now, said)
                continue
            look = self.metrics.look(question, self.spec.analysis.metrics, self.now)
            self.answers[question] = Answer(self.now, self.now, look)

    # --- what the operator does ----------------------------------------------------------------------------------

    def plan(self) -> Plan:
        return plan_rollout(self.observe(), self.now)

    def reconcile(self) -> None:
        """Passes until nothing changes, as its own writes wake the operator."""
        for _ in range(20):
            plan = self.plan()
            before = self._state()
            try:
                self._carry_out(plan)
            except Conflicted:
                return
            if before == self._state():
                check_at_peace(self)
                return
        raise AssertionError(f"does not come to rest: {plan.actions} {plan.news}")

    def _state(self) -> tuple[Any, ...]:
        scales = {revision: deployment.wanted for revision, deployment in self.deployments.items()}
        return self.status, self.split, self.route_fits, dict(self.services), scales

    def _carry_out(self, plan: Plan) -> None:
        for action in plan.actions:
            if self.fail_next_apply and self.fail_next_apply(action):
                self.fail_next_apply = None
                raise Conflicted
            self._do(action, plan)
        if self.lose_next_status:
            self.lose_next_status = False
            raise Conflicted
        if self.status != plan.status:
            self.writes.append(self.now)
        self.status = plan.status
        self.questions = plan.questions
        self.restarted = False
        self.news += [(self.now, news.reason, news.message) for news in plan.news]

    def _do(self, action: Action, plan: Plan) -> None:
        do(self, action, plan)

    # --- shorthands ----------------------------------------------------------------------------------------------

    @property
    def live_version(self) -> str:
        return self.status.stable.model.version if self.status.stable else ""

    def condition(self, type_: str) -> tuple[str, str] | None:
        return next(((c.status, c.reason) for c in self.status.conditions if c.type == type_), None)

    def at_rest(self) -> bool:
        return self.status.stage is None and self.status.stable is not None


def serving_v1(**fields: Any) -> World:
    """A world at rest on v1."""
    return World(**fields).until(World.at_rest)


def in_step(number: int) -> Callable[[World], bool]:
    """Whether the given step is confirmed and holds."""

    def reached(world: World) -> bool:
        step = world.status.step
        return bool(
            world.status.stage is Stage.STEPPING and step and step.number == number and step.confirmed_at is not None
        )

    return reached
