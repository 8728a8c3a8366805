"""Answers questions about pipelines, runs and results: synchronous, called in the background's threads.

Every failure becomes a value, because plans decide what a failure means.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from modelwright.errors import InvalidSpec, ModelwrightError
from modelwright.kubeflow.api import (
    KubeflowApi,
    MayHaveHappened,
    NotFound,
    Refused,
    Rejected,
    VersionOnServer,
    oldest_first,
)
from modelwright.kubeflow.caching import Spec, without_caching
from modelwright.kubeflow.configuration import PipelineServer
from modelwright.kubeflow.intents import Intents
from modelwright.kubeflow.markers import newest_marker
from modelwright.kubeflow.packages import LARGEST_PACKAGE, described_package, package_digest, parse_package
from modelwright.kubeflow.parameters import declared_parameters, typed_parameters
from modelwright.kubeflow.places import OutsideResultRoot
from modelwright.kubeflow.questions import (
    Ambiguous,
    Asked,
    DescribePipeline,
    EnsureRun,
    Failure,
    FollowRun,
    KubeflowRun,
    MarkerFound,
    NewestMarker,
    NoRun,
    PipelineDescription,
    Question,
    ReadEvaluation,
    ReadResult,
    RetryRun,
    RunAnswer,
    StopRun,
    Trouble,
)
from modelwright.kubeflow.results import read_result
from modelwright.kubeflow.storage import NotThere, read_package

Answers = PipelineDescription | RunAnswer | ReadResult | MarkerFound | Asked


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
                    return _described(api, self._servers[question.server], question)[0]
                case EnsureRun():
                    return _ensure(api, self._servers[question.server], self._intents, question)
                case FollowRun():
                    return _follow(api, question)
                case StopRun():
                    return _stop(api, question)
                case RetryRun():
                    api.retry(question.run_id)
                    return Asked()
                case NewestMarker():
                    return newest_marker(question, self._servers[question.server].data_roots)
                case ReadEvaluation():
                    return read_result(question, self._servers[question.server].result_root)
        except (NotFound, NotThere) as error:
            return Failure(Trouble.NOT_FOUND, str(error))
        except Refused as error:
            return Failure(Trouble.FORBIDDEN, str(error))
        except (Rejected, InvalidSpec, OutsideResultRoot) as error:
            return Failure(Trouble.INVALID, str(error))
        except ModelwrightError as error:
            return Failure(Trouble.UNAVAILABLE, str(error))


def _described(
    api: KubeflowApi, server: PipelineServer, question: DescribePipeline
) -> tuple[PipelineDescription, Spec]:
    """What the pipeline declares, and its spec as the server or the package has it."""
    if question.package_uri:
        text = read_package(question.package_uri, server.package_roots, LARGEST_PACKAGE)
        return described_package(text), parse_package(text)
    pipeline_id, found = api.pipeline_version(question.name, question.version, question.namespace)
    try:
        parameters = declared_parameters(found.pipeline_spec)
    except ValueError as error:
        raise Rejected(f"pipeline {question.name!r} cannot be read: {error}") from None
    controllable = without_caching(found.pipeline_spec) is not None
    name = found.display_name or ""
    return (
        PipelineDescription(pipeline_id, found.pipeline_version_id, name, parameters, controllable),
        found.pipeline_spec,
    )


def _to_run(
    api: KubeflowApi, server: PipelineServer, question: EnsureRun
) -> tuple[PipelineDescription, VersionOnServer | Spec]:
    """What the run is made of. Rejected where the cache has to be off and cannot be switched off."""
    what: VersionOnServer | Spec
    if question.package:
        text = question.package.text or read_package(question.package.uri, server.package_roots, LARGEST_PACKAGE)
        if question.package.digest not in ("", package_digest(text)):
            raise Rejected("the package is another one by now than the one that the run was created for")
        pipeline, spec = described_package(text), parse_package(text)
        what = spec
    else:
        asked = DescribePipeline(question.server, question.pipeline, question.version, question.namespace)
        pipeline, spec = _described(api, server, asked)
        what = VersionOnServer(pipeline.pipeline_id, pipeline.version_id)
    if question.options.caching_off:
        uncached = without_caching(spec)
        if uncached is None:
            raise Rejected("the cache cannot be switched off: the pipeline is not a graph of tasks")
        # A version whose author has the cache off in every task runs as the version that it is.
        what = what if uncached == spec else uncached
    return pipeline, what


def _ensure(api: KubeflowApi, server: PipelineServer, intents: Intents, question: EnsureRun) -> RunAnswer:
    namespace = question.namespace
    if runs := api.runs_named(question.display_name, namespace):
        return _keep_oldest(api, runs)
    if not question.may_create:
        return NoRun()
    pipeline, what = _to_run(api, server, question)
    parameters = typed_parameters(pipeline.parameters, question.required, question.offered)
    experiment = api.experiment(question.experiment, namespace)
    if not intents.take(question.display_name, question.intent):
        return Ambiguous("a create call was made and the run is not to be seen yet")
    try:
        created = api.create_run(question.display_name, experiment, what, parameters, question.options)
    except MayHaveHappened as error:
        return Ambiguous(str(error))
    except ModelwrightError:
        intents.give_back(question.display_name)
        raise
    try:
        # A list may lag behind the create: what we were told is there counts as seen.
        return _keep_oldest(api, oldest_first([*api.runs_named(question.display_name, namespace), created]))
    except ModelwrightError:
        return created


def _follow(api: KubeflowApi, question: FollowRun) -> KubeflowRun | NoRun:
    runs = list(api.runs_named(question.display_name, question.namespace))
    # Not found: retention or a person removed it. A namesake, if there is one, is the same trigger's run.
    with suppress(NotFound):
        runs.append(api.run(question.run_id))
    return _keep_oldest(api, oldest_first(runs)) if runs else NoRun()


def _stop(api: KubeflowApi, question: StopRun) -> KubeflowRun | NoRun:
    for run in api.runs_named(question.display_name, question.namespace):
        if not run.ended:
            api.terminate(run.id)
    if question.run_id:
        with suppress(NotFound):
            return api.run(question.run_id)
    runs = api.runs_named(question.display_name, question.namespace)
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
