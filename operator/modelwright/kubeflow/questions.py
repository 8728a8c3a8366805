"""What plans ask of a pipeline server and of its result storage, and the shape of the answers. Pure data.

Traps that shape these questions: names of Kubeflow runs are not unique; a create call that failed may still have
created; CANCELING may still end as SUCCEEDED; a run may vanish by retention, which is not a reason to start another.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from modelwright.kubeflow.evaluation import Evaluation

TERMINAL_STATES = frozenset({"SUCCEEDED", "FAILED", "SKIPPED", "CANCELED"})

Parameters = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class DescribePipeline:
    """The parameters that `version` of the pipeline declares ("" means its newest version).

    With `package_uri` it is the compiled pipeline there instead, and `name` is "". `namespace` is whose pipelines are
    looked at where the server keeps them apart.
    """

    server: str
    name: str
    version: str
    namespace: str = ""
    package_uri: str = ""

    @property
    def pool(self) -> str:
        return f"kubeflow/{self.server}"

    @property
    def every(self) -> timedelta:
        return timedelta(seconds=30)


@dataclass(frozen=True)
class RunOptions:
    """What a run is given besides its parameters; "" leaves it to the server. `caching_off` brings the version's spec
    along with the cache off in every task."""

    service_account: str = ""
    pipeline_root: str = ""
    caching_off: bool = False


@dataclass(frozen=True)
class PackageToRun:
    """A compiled pipeline: its `text`, or the `uri` of it. Only what has `digest` is run, "" where it is not known."""

    digest: str
    text: str = ""
    uri: str = ""


@dataclass(frozen=True)
class EnsureRun:
    """See to it that exactly one run carries `display_name`: search, create if `may_create`, list again, keep the
    oldest, terminate the rest.

    `required` parameters must be declared by the pipeline; `offered` ones are passed only if it declares them.
    `intent` is when the wish to create was saved. However often it is asked, one intent makes one create call that
    may have reached the server: another one needs a later intent.
    """

    server: str
    display_name: str
    pipeline: str
    version: str
    experiment: str
    required: Parameters
    offered: Parameters
    may_create: bool
    intent: datetime
    namespace: str = ""
    options: RunOptions = RunOptions()
    package: PackageToRun | None = None  # instead of `pipeline` and `version`, which are "" then

    @property
    def pool(self) -> str:
        return f"kubeflow/{self.server}"

    @property
    def every(self) -> timedelta:
        return timedelta(seconds=5)


@dataclass(frozen=True)
class FollowRun:
    """How the run stands. Duplicates under `display_name` that turned up late are terminated on the way.

    `eager` asks every 2 s instead of every 10 s: for runs that have only begun.
    """

    server: str
    run_id: str
    display_name: str
    eager: bool
    namespace: str = ""

    @property
    def pool(self) -> str:
        return f"kubeflow/{self.server}"

    @property
    def every(self) -> timedelta:
        return timedelta(seconds=2 if self.eager else 10)


@dataclass(frozen=True)
class StopRun:
    """Terminate every run that carries `display_name` and has not ended yet, and say how the oldest stands."""

    server: str
    run_id: str
    display_name: str
    namespace: str = ""

    @property
    def pool(self) -> str:
        return f"kubeflow/{self.server}"

    @property
    def every(self) -> timedelta:
        return timedelta(seconds=5)


@dataclass(frozen=True)
class RetryRun:
    """Have the failed run go on from its failed tasks, under its own id. `attempt` counts from 1."""

    server: str
    run_id: str
    attempt: int

    @property
    def pool(self) -> str:
        return f"kubeflow/{self.server}"

    @property
    def every(self) -> timedelta:
        return timedelta(seconds=10)


@dataclass(frozen=True)
class ReadEvaluation:
    """The evaluation at `uri`, and our own digest of the model that it names, which must lie below `model_prefix`.

    `of_champion`: it is about the model that serves, which lies elsewhere and is not read again; its digest is "".
    """

    server: str
    uri: str
    model_prefix: str
    of_champion: bool = False

    @property
    def pool(self) -> str:
        # Models may be large: reading one must not hold up the questions about runs.
        return f"results/{self.server}"

    @property
    def every(self) -> timedelta:
        return timedelta(seconds=10)


@dataclass(frozen=True)
class NewestMarker:
    """The newest file called `marker` in `prefix`, which has to be below a data root of the server, or in a folder of
    it."""

    server: str
    prefix: str
    marker: str

    @property
    def pool(self) -> str:
        return f"results/{self.server}"

    @property
    def every(self) -> timedelta:
        return timedelta(minutes=1)


Question = DescribePipeline | EnsureRun | FollowRun | StopRun | RetryRun | ReadEvaluation | NewestMarker


class Trouble(StrEnum):
    UNAVAILABLE = "Unavailable"
    FORBIDDEN = "Forbidden"
    NOT_FOUND = "NotFound"
    INVALID = "Invalid"


@dataclass(frozen=True)
class Failure:
    """The question has no answer, and nothing was created. `message` is for people, without response bodies."""

    trouble: Trouble
    message: str


@dataclass(frozen=True)
class Ambiguous:
    """A create call failed in a way that leaves open whether the run exists."""

    message: str


@dataclass(frozen=True)
class DeclaredParameter:
    """`type` is Kubeflow's: STRING, NUMBER_INTEGER, NUMBER_DOUBLE, BOOLEAN, LIST or STRUCT."""

    name: str
    type: str
    optional: bool = False


@dataclass(frozen=True)
class PipelineDescription:
    pipeline_id: str
    version_id: str
    version: str
    parameters: tuple[DeclaredParameter, ...]
    caching_controllable: bool = True  # whether its spec can be sent along with the cache off
    digest: str = ""  # of a package's text


@dataclass(frozen=True)
class KubeflowRun:
    """`state` is Kubeflow's RuntimeState, "" where the server gave none (seen just after create)."""

    id: str
    state: str
    created_at: datetime | None = None
    finished_at: datetime | None = None
    duplicates_ended: int = 0

    @property
    def ended(self) -> bool:
        return self.state in TERMINAL_STATES


@dataclass(frozen=True)
class Asked:
    """The server took the request, or has no need of it."""


@dataclass(frozen=True)
class NoRun:
    """The server answered, and has no such run (and none was created)."""


@dataclass(frozen=True)
class MarkerFound:
    """`path` is relative to the prefix; `token` tells this very file from others and from its own older contents."""

    path: str
    token: str


@dataclass(frozen=True)
class ReadResult:
    """`file_digest` is of evaluation.json itself, `model_digest` the one that we computed over the model's files."""

    evaluation: Evaluation
    file_digest: str
    model_digest: str


RunAnswer = KubeflowRun | NoRun | Ambiguous | Failure
