"""The Kubeflow Pipelines API as few plain calls over the official generated client, with its traps closed."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import kfp_server_api
import urllib3

from modelwright.errors import ModelwrightError, Unavailable
from modelwright.kubeflow.caching import Spec
from modelwright.kubeflow.configuration import PipelineServer, Tenancy
from modelwright.kubeflow.questions import KubeflowRun, RunOptions
from modelwright.metrics.credentials import Credentials
from modelwright.metrics.reasons import Unanswered

# The generated client writes every response body to the log at debug level: bodies may hold a tenant's secrets.
logging.getLogger("kfp_server_api").setLevel(logging.INFO)

PAGE = 100
MAX_PAGES = 20
DEFAULT_EXPERIMENT = "Default"

T = TypeVar("T")


@dataclass(frozen=True)
class VersionOnServer:
    """A version of a pipeline that the server has."""

    pipeline_id: str
    version_id: str


class NotFound(ModelwrightError):
    """The server answered that there is no such thing."""


class Refused(ModelwrightError):
    """The server answered 401 or 403: its administrator has to let us in."""


class Rejected(ModelwrightError):
    """The server read the request and found it wrong (400, 409, 422)."""


class MayHaveHappened(ModelwrightError):
    """A call that changes something failed after it may have reached the server."""


class KubeflowApi:
    """One server. Every method raises NotFound, Refused, Rejected or Unavailable; `create_run` MayHaveHappened too."""

    def __init__(self, server: PipelineServer) -> None:
        configuration = kfp_server_api.Configuration(host=server.url)
        # Retries are the plan's business: a second create behind our back would be a second run. Redirects could
        # lead a request, and the token with it, to another host.
        configuration.retries = urllib3.Retry(total=0, redirect=0, raise_on_redirect=True)
        tls = server.credentials.tls
        configuration.ssl_ca_cert = tls.ca_file or None
        configuration.cert_file, configuration.key_file = tls.certificate_file or None, tls.key_file or None
        client = _StrictClient(configuration)
        client.credentials = server.credentials
        self._is_shared = server.tenancy is Tenancy.SHARED
        self._experiments = kfp_server_api.ExperimentServiceApi(client)
        self._pipelines = kfp_server_api.PipelineServiceApi(client)
        self._runs = kfp_server_api.RunServiceApi(client)
        # TRAP: the generated client takes whole seconds or a pair; a float alone is ignored, and then it never ends.
        seconds = max(server.timeout.total_seconds(), 0.001)
        self._timeout = (seconds, seconds)

    def pipeline_version(self, name: str, version: str, namespace: str = "") -> tuple[str, Any]:
        """Id of the pipeline, and its version as the generated client's object (the newest for "").

        Where the server keeps namespaces apart, `namespace`'s own pipeline of that name comes before a shared one.
        """
        with _understood():
            pipelines = self._pipelines_named(name, namespace) or self._pipelines_named(name, "")
            if not pipelines:
                raise NotFound(f"pipeline {name!r} is not on the server")
            if len(pipelines) > 1:
                raise Rejected(f"{len(pipelines)} pipelines on the server are named {name!r}; one is needed")
            id = pipelines[0].pipeline_id
            wanted: dict[str, Any] = {"filter": _equals("display_name", version)} if version else {}
            found = self._call(
                self._pipelines.pipeline_service_list_pipeline_versions,
                id,
                sort_by="created_at desc",
                page_size=1,
                **wanted,
            )
            if not found.pipeline_versions:
                what = f"version {version!r}" if version else "a version"
                raise NotFound(f"pipeline {name!r} is on the server, but not {what} of it")
            return id, found.pipeline_versions[0]

    def experiment(self, name: str, namespace: str = "") -> str:
        """Id of the experiment `name` ("" means Kubeflow's default one), created where there is none."""
        name = name or DEFAULT_EXPERIMENT
        if id := self._experiment_id(name, namespace):
            return id
        try:
            body = kfp_server_api.V2beta1Experiment(display_name=name, **self._of(namespace))
            with _understood():
                return str(self._call(self._experiments.experiment_service_create_experiment, body).experiment_id)
        except (Rejected, Unavailable):
            # Somebody else may have created it in between; names of experiments are unique.
            if id := self._experiment_id(name, namespace):
                return id
            raise

    def runs_named(self, display_name: str, namespace: str = "") -> Sequence[KubeflowRun]:
        """All runs with that name, oldest first."""
        with _understood():
            runs: list[KubeflowRun] = []
            more: dict[str, Any] = {}
            for _ in range(MAX_PAGES):
                page = self._call(
                    self._runs.run_service_list_runs,
                    filter=_equals("display_name", display_name),
                    page_size=PAGE,
                    **self._of(namespace),
                    **more,
                )
                runs += [_run(item) for item in page.runs or [] if item.display_name == display_name]
                if not page.next_page_token:
                    break
                more = {"page_token": page.next_page_token}
            return oldest_first(runs)

    def run(self, id: str) -> KubeflowRun:
        with _understood():
            return _run(self._call(self._runs.run_service_get_run, id))

    def create_run(
        self,
        display_name: str,
        experiment_id: str,
        what: VersionOnServer | Spec,
        parameters: Mapping[str, Any],
        options: RunOptions = RunOptions(),
    ) -> KubeflowRun:
        """Create a run of a version or of a spec. MayHaveHappened unless it is certain what the server did."""
        if isinstance(what, VersionOnServer):
            reference = kfp_server_api.V2beta1PipelineVersionReference(what.pipeline_id, what.version_id)
            source = {"pipeline_version_reference": reference}
        else:
            source = {"pipeline_spec": what}
        body = kfp_server_api.V2beta1Run(
            display_name=display_name,
            experiment_id=experiment_id,
            runtime_config=kfp_server_api.V2beta1RuntimeConfig(
                parameters=dict(parameters), pipeline_root=options.pipeline_root or None
            ),
            service_account=options.service_account or None,
            **source,
        )
        with _understood(changes=True):
            return _run(self._call(self._runs.run_service_create_run, body))

    def terminate(self, id: str) -> None:
        """Ask the run to end. One that has ended meanwhile (the server rejects that) or is gone needs nothing."""
        try:
            with _understood():
                self._call(self._runs.run_service_terminate_run, id)
        except (NotFound, Rejected):
            return

    def retry(self, id: str) -> None:
        """Ask a failed run to go on. One that is under way again (the server rejects that) needs nothing."""
        try:
            with _understood():
                self._call(self._runs.run_service_retry_run, id)
        except Rejected:
            return

    def _experiment_id(self, name: str, namespace: str) -> str:
        with _understood():
            found = self._call(
                self._experiments.experiment_service_list_experiments,
                filter=_equals("display_name", name),
                **self._of(namespace),
            )
            return str(found.experiments[0].experiment_id) if found.experiments else ""

    def _pipelines_named(self, name: str, namespace: str) -> Sequence[Any]:
        found = self._call(
            self._pipelines.pipeline_service_list_pipelines,
            filter=_equals("display_name", name),
            **self._of(namespace),
        )
        return found.pipelines or []

    def _of(self, namespace: str) -> dict[str, str]:
        """Whose things are meant. TRAP: a server in single-user mode refuses every request that names a namespace."""
        return {} if self._is_shared or not namespace else {"namespace": namespace}

    def _call(self, method: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        return method(*args, _request_timeout=self._timeout, **kwargs)


class _StrictClient(kfp_server_api.ApiClient):  # type: ignore[misc]
    """TRAP: the generated client reads whatever is no JSON object, such as the login page of a proxy, as an object
    without fields. A list of runs would be empty, and we would create one more."""

    credentials = Credentials()

    def update_params_for_auth(self, headers: dict[str, str], *args: Any, **kwargs: Any) -> None:
        # Read for each request: projected tokens are replaced long before they expire.
        headers.update(self.credentials.sent())

    def deserialize(self, response: Any, response_type: Any) -> Any:
        if not isinstance(json.loads(response.data), dict):
            raise ValueError("not a JSON object")
        return super().deserialize(response, response_type)


@contextmanager
def _understood(*, changes: bool = False) -> Iterator[None]:
    """Whatever goes wrong with a call, or with reading its answer, as one of our errors, without the body."""
    try:
        yield
    except Unanswered as error:
        # Our own token cannot be read: nothing was sent.
        raise Unavailable(error.message) from None
    except kfp_server_api.ApiException as error:
        raise _translated(error.status, changes) from None
    except urllib3.exceptions.HTTPError as error:
        if changes and not _never_sent(error):
            raise MayHaveHappened(f"no answer: {_cause(error)}") from None
        raise Unavailable(f"the pipeline server does not answer: {_cause(error)}") from None
    except (ValueError, TypeError, AttributeError, KeyError):
        message = "the pipeline server answered in a form that is not Kubeflow's"
        raise (MayHaveHappened if changes else Unavailable)(message) from None


def oldest_first(runs: Iterable[KubeflowRun]) -> list[KubeflowRun]:
    """Each run once, in its latest reading. Equal times (Kubeflow stores seconds) are ordered by id, so that two
    operators that look at the same runs keep the same one."""
    unique = {run.id: run for run in runs}
    return sorted(unique.values(), key=lambda run: (run.created_at is None, run.created_at, run.id))


def _translated(status: int | None, changes: bool) -> ModelwrightError:
    match status:
        case 404:
            return NotFound("the pipeline server has no such thing")
        case 401 | 403:
            return Refused(f"the pipeline server refuses us with {status}; its administrator has to let us in")
        case 400 | 409 | 422:
            return Rejected(f"the pipeline server rejects the request with {status}")
        case 429 | None | 0:
            return Unavailable(f"the pipeline server does not answer now ({status or 'TLS failed'})")
        case _:
            message = f"the pipeline server answered {status}"
            return MayHaveHappened(message) if changes else Unavailable(message)


def _never_sent(error: BaseException) -> bool:
    cause = getattr(error, "reason", None) or error
    return isinstance(cause, urllib3.exceptions.NewConnectionError | urllib3.exceptions.ConnectTimeoutError)


def _cause(error: BaseException) -> str:
    return type(getattr(error, "reason", None) or error).__name__


def _equals(key: str, value: str) -> str:
    predicate = json.dumps({"predicates": [{"operation": "EQUALS", "key": key, "stringValue": value}]})
    # TRAP: the server decodes the filter as a URL once more than HTTP does. JSON's own escapes survive that.
    return predicate.replace("%", "\\u0025").replace("+", "\\u002b")


def _run(item: Any) -> KubeflowRun:
    if not item.run_id:
        raise ValueError("a run without an id")
    return KubeflowRun(item.run_id, item.state or "", item.created_at, _time(item.finished_at))


def _time(value: Any) -> Any:
    # Kubeflow writes the beginning of its calendar (1970) for "has not happened".
    return value if value is not None and value.year > 1970 else None
