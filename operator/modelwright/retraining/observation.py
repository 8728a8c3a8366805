"""What one pass saw of a policy or of a run: frozen, complete, and the planner's only input besides `now`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from modelwright.api.policy import RetrainPolicy
from modelwright.api.rollout import ModelRollout
from modelwright.api.run import RetrainRun
from modelwright.cluster.answers import Answer
from modelwright.kubeflow.configuration import PipelineServer
from modelwright.metrics.configuration import MetricSource
from modelwright.registries.configuration import Registry
from modelwright.retraining.rates import PipelineRates


@dataclass(frozen=True)
class PolicyObservation:
    """`runs` are those of this very policy (by uid), `followers` the rollouts whose modelFrom names it, `rivals` the
    unfinished runs of other policies for the same model. `upstreams` and `config_maps` are what triggers name, as far
    as it is there.

    `unreadable` names those followers that cannot work as written.
    """

    policy: RetrainPolicy
    runs: tuple[RetrainRun, ...] = ()
    rivals: tuple[RetrainRun, ...] = ()
    upstreams: Mapping[str, RetrainPolicy] = field(default_factory=dict)
    config_maps: Mapping[tuple[str, str], str] = field(default_factory=dict)
    followers: tuple[ModelRollout, ...] = ()
    unreadable: tuple[str, ...] = ()
    package: str | None = None  # the compiled pipeline in the ConfigMap that the policy names, None where there is none
    servers: Mapping[str, PipelineServer] = field(default_factory=dict)
    rates: Mapping[str, PipelineRates] = field(default_factory=dict)
    sources: Mapping[str, MetricSource] = field(default_factory=dict)
    registries: Mapping[str, Registry] = field(default_factory=dict)
    answers: Mapping[Any, Answer] = field(default_factory=dict)


@dataclass(frozen=True)
class RunObservation:
    """`policy` is None when it is gone, or is another one of the same name, or cannot work as written: then `broken`
    says why. `siblings` are its other runs, `rivals` the unfinished ones of other policies for the same model.

    `leading_since`: an intent that was saved before it may have been acted upon by an operator that is gone.
    """

    run: RetrainRun
    policy: RetrainPolicy | None
    leading_since: datetime
    siblings: tuple[RetrainRun, ...] = ()
    rivals: tuple[RetrainRun, ...] = ()
    broken: str = ""
    package: str | None = None  # as in PolicyObservation; only while the run is being launched
    followers: tuple[ModelRollout, ...] = ()
    servers: Mapping[str, PipelineServer] = field(default_factory=dict)
    answers: Mapping[Any, Answer] = field(default_factory=dict)
    finalizers: tuple[str, ...] = ()
