"""Answers questions about pipelines, runs and results: synchronous, called in the background's threads.

Every failure becomes a value, because plans decide what a failure means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from modelwright.errors import InvalidSpec, ModelwrightError
from modelwright.kubeflow.api import KubeflowApi, MayHaveHappened, NotFound, Refused, Rejected, oldest_first
from modelwright.kubeflow.configuration import PipelineServer
from modelwright.kubeflow.intents import Intents
from modelwright.kubeflow.parameters import declared_parameters, typed_parameters
from modelwright.kubeflow.questions import (
    Ambiguous,
    DescribePipeline,
    EnsureRun,
    Failure,
    FollowRun,
    KubeflowRun,
    NoRun,
    PipelineDescription,
    Question,
    ReadEvaluation,
    ReadResult,
    RunAnswer,
    StopRun,
    Trouble,
)
from modelwright.kubeflow.results import read_result

Answers = PipelineDescription | RunAnswer | ReadResult


class Asker:
    """Speaks to the configured servers. Safe to call from many threads."""

    def __init__(
        self, servers: Mapping[str, PipelineServer], connect: Callable[[PipelineServer], KubeflowApi] = KubeflowApi
    ) -> None:
        self._servers = dict(servers)
        self._intents = Intents()
        self._apis = {name: connect(server) for name, server in servers.items()}

    def ask(self, question: Question) -> Answers:
        api = self._apis.get(question.server)
        if api is None:
            known = ", ".join(sorted(self._servers)) or "none"
            return Failure(Trouble.NOT_FOUND, f"no pipeline server {question.server!r} is configured; known: {known}")
        try:
            match question:
                case DescribePipeline():
                    return _describe(api, question.name, question.version)
                case EnsureRun():
                    return _ensure(api, self._intents, question)
                case FollowRun():
                    return _follow(api, question)
                case StopRun():
                    return _stop(api, question)
                case ReadEvaluation():
                    return read_result(question, self._servers[question.server].result_root)
        except NotFound as error:
            return Failure(Trouble.NOT_FOUND, str(error))
        except Refused as error:
            return Failure(Trouble.FORBIDDEN, str(error))
        except (Rejected, InvalidSpec) as error:
            return Failure(Trouble.INVALID, str(error))
        except ModelwrightError as error:
            return Failure(Trouble.UNAVAILABLE, str(error))


def _describe(api: KubeflowApi, name: str, version: str) -> PipelineDescription:
    pipeline_id, found = api.pipeline_version(name, version)
    try:
        parameters = declared_parameters(found.pipeline_spec)
    except ValueError as error:
        raise Rejected(f"pipeline {name!r} cannot be read: {error}") from None
    return PipelineDescription(pipeline_id, found.pipeline_version_id, found.display_name or "", parameters)


def _ensure(api: KubeflowApi, intents: Intents, question: EnsureRun) -> RunAnswer:
    if runs := api.runs_named(question.display_name):
        return _keep_oldest(api, runs)
    if not question.may_create:
        return NoRun()
    pipeline = _describe(api, question.pipeline, question.version)
    parameters = typed_parameters(pipeline.parameters, question.required, question.offered)
    experiment = api.experiment(question.experiment)
    if not intents.take(question.display_name, question.intent):
        return Ambiguous("a create call was made and the run is not to be seen yet")
    try:
        created = api.create_run(
            question.display_name, experiment, pipeline.pipeline_id, pipeline.version_id, parameters
        )
    except MayHaveHappened as error:
        return Ambiguous(str(error))
    except ModelwrightError:
        intents.give_back(question.display_name)
        raise
    try:
        # A list may lag behind the create: what we were told is there counts as seen.
        return _keep_oldest(api, oldest_first([*api.runs_named(question.display_name), created]))
    except ModelwrightError:
        return created


def _follow(api: KubeflowApi, question: FollowRun) -> KubeflowRun | NoRun:
    runs = list(api.runs_named(question.display_name))
    # Not found: retention or a person removed it. A namesake, if there is one, is the same trigger's run.
    with suppress(NotFound):
        runs.append(api.run(question.run_id))
    return _keep_oldest(api, oldest_first(runs)) if runs else NoRun()


def _stop(api: KubeflowApi, question: StopRun) -> KubeflowRun | NoRun:
    for run in api.runs_named(question.display_name):
        if not run.ended:
            api.terminate(run.id)
    if question.run_id:
        with suppress(NotFound):
            return api.run(question.run_id)
    runs = api.runs_named(question.display_name)
    return runs[0] if runs else NoRun()


def _keep_oldest(api: KubeflowApi, runs: Sequence[KubeflowRun]) -> KubeflowRun:
    kept, *others = runs
    ended = 0
    for run in others:
        if not run.ended and run.state != "CANCELING":
            # Not now is no matter: whoever follows the run asks again.
            with suppress(ModelwrightError):
                api.terminate(run.id)
                ended += 1
    return replace(kept, duplicates_ended=ended)
