"""What is wrong with a manifest only beside the platform's configuration: names that it does not know, windows that
are too short for its scrapes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from modelwright.api.policy import RetrainPolicy
from modelwright.api.rollout import ModelRollout
from modelwright.configuration import Configuration
from modelwright.errors import InvalidSpec
from modelwright.retraining.plan.costs import price_of
from modelwright.retraining.plan.pipelines import server_for
from modelwright.retraining.plan.triggers.asking import source_of
from modelwright.rollouts.plan.obstacles import source_problem
from modelwright.rollouts.profiled import with_profile


def misfits(read: Any, configuration: Configuration) -> Iterator[str]:
    """A line, beginning with the path, for each."""
    if isinstance(read, ModelRollout):
        rollout, problem = with_profile(read, configuration.profiles)
        yield from filter(None, (problem, source_problem(rollout, configuration.sources)))
    elif isinstance(read, RetrainPolicy):
        try:
            server_for(read.namespace, read.spec.pipeline.server, configuration.servers)
        except InvalidSpec as error:
            yield str(error)
        try:
            price_of(read, configuration.rates)
        except InvalidSpec as error:
            yield str(error)
        heard = any(receiver.allows(read.namespace) for receiver in configuration.receivers.values())
        for index, trigger in enumerate(read.spec.triggers):
            if (trigger.event or trigger.alert) and not heard:
                shape = "event" if trigger.event else "alert"
                yield f"spec.triggers[{index}].{shape}: can never fire: no receiver of events may reach this namespace"
            if trigger.metric is None:
                continue
            try:
                path = f"spec.triggers[{index}].{trigger.metric.written}"
                source_of(trigger.metric, path, read.namespace, configuration.sources)
            except InvalidSpec as error:
                yield str(error)
