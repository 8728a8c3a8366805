"""What triggers look at, and what one look comes to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from modelwright.api.limits import Concurrency
from modelwright.api.policy import Champion, RetrainPolicy, TriggerStatus
from modelwright.api.rollout import ModelRollout
from modelwright.api.run import Evidence, RetrainRun
from modelwright.cluster.answers import Answer
from modelwright.kubeflow.configuration import PipelineServer
from modelwright.metrics.configuration import MetricSource
from modelwright.metrics.variables import selector, version_selector
from modelwright.registries.configuration import Registry
from modelwright.retraining.plan import lineage
from modelwright.retraining.plan.limits.situation import Hold

FIRING, PENDING, QUIET, NO_DATA, ERROR = "Firing", "Pending", "Quiet", "NoData", "Error"


@dataclass(frozen=True)
class View:
    """What all triggers of one policy see in one pass. `no_champion` says why there is none, where there is none."""

    policy: RetrainPolicy
    now: datetime
    champion: Champion | None = None
    no_champion: str = ""
    runs: tuple[RetrainRun, ...] = ()
    follower: ModelRollout | None = None
    sources: Mapping[str, MetricSource] = field(default_factory=dict)
    answers: Mapping[Any, Answer] = field(default_factory=dict)
    upstreams: Mapping[str, RetrainPolicy] = field(default_factory=dict)
    config_maps: Mapping[tuple[str, str], str] = field(default_factory=dict)
    registries: Mapping[str, Registry] = field(default_factory=dict)
    servers: Mapping[str, PipelineServer] = field(default_factory=dict)

    def before(self, trigger: str) -> TriggerStatus | None:
        """The trigger's last status, whatever it was about."""
        return next((status for status in self.policy.status.triggers if status.name == trigger), None)

    @property
    def passes_over(self) -> bool:
        """Whether what comes now comes to nothing, as a run is unfinished."""
        forbidden = self.policy.spec.limits.concurrency is Concurrency.FORBID
        return forbidden and any(not lineage.finished(run) for run in self.runs)

    def occasions(self, trigger: str, bound: str) -> Iterator[str]:
        """What runs were started for by the trigger, as long as it was held against `bound`."""
        for run in self.runs:
            for evidence in run.spec.evidence:
                if (evidence.trigger, evidence.bound) == (trigger, bound) and evidence.occasion:
                    yield evidence.occasion


@dataclass(frozen=True)
class TriggerSeen:
    """`evidence` is set when the newest look, not only the status, says that the trigger fires. `broken` names what a
    person has to mend. `wake_at` is when the trigger changes by itself, `past` and `fresh` what it asks besides
    `question`, `grown` how much came since the last run, `marker` how much there is in all. `hold` keeps it, and no
    other trigger, from acting."""

    status: TriggerStatus
    question: Any = None
    evidence: Evidence | None = None
    broken: str = ""
    wake_at: datetime | None = None
    past: Any = None
    grown: float | None = None
    marker: str = ""
    fresh: Any = None
    hold: Hold | None = None

    @property
    def questions(self) -> tuple[Any, ...]:
        """What it asks."""
        return tuple(asked for asked in (self.question, self.past, self.fresh) if asked is not None)


def variables_of(namespace: str, rollout: str, revision: str, version: str) -> dict[str, str]:
    """What queries of triggers may name. Where no rollout serves the champion, there is nothing but its version."""
    if not rollout:
        return {"champion": version_selector(namespace, version), "namespace": namespace, "version": version}
    return {
        "champion": selector(namespace, rollout, revision),
        "namespace": namespace,
        "name": rollout,
        "revision": revision,
        "version": version,
    }
