"""Which server and parameters a pipeline run gets, and what is wrong with them as far as can be told beforehand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from modelwright.api.models import Model
from modelwright.api.pipelines import Caching, Gpu, Parameter, Pipeline
from modelwright.api.policy import Champion
from modelwright.api.run import Evidence, Purpose, RetrainRun
from modelwright.api.times import format_time
from modelwright.api.triggers import Action, Trigger
from modelwright.errors import InvalidSpec
from modelwright.kubeflow.configuration import PipelineServer
from modelwright.kubeflow.parameters import typed_parameters
from modelwright.kubeflow.places import is_below
from modelwright.kubeflow.questions import DeclaredParameter, Parameters, RunOptions
from modelwright.named import usable

# Ours alone: they tie the result to the run.
RESERVED = ("result_uri", "run_uid", "run_name")

OFFERED = (
    "run_name",
    "champion_uri",
    "champion_digest",
    "comparison_confidence",
    "gpu_type",
    "gpu_count",
    "node_pool",
    "spot",
)
"""Passed to pipelines that declare them."""

PURPOSE = "purpose"
"""Passed to a run that shall only evaluate the champion. Others leave the pipeline's own default."""

STAND_INS = {"comparison_confidence": "0.975", "gpu_count": "0"}
"""Values of the right type, for those that are no texts, to check a declaration by."""


def server_for(namespace: str, name: str, servers: Mapping[str, PipelineServer]) -> PipelineServer:
    """The configured server, or InvalidSpec with those that this namespace may use."""
    return usable(namespace, name, servers, "", "spec.pipeline.server")


def check_options(pipeline: Pipeline, server: PipelineServer) -> None:
    """InvalidSpec where the platform has not allowed what the pipeline's runs shall use."""
    if pipeline.service_account and pipeline.service_account not in server.service_accounts:
        raise _not_allowed("serviceAccountName", pipeline.service_account, server, server.service_accounts)
    roots = (server.result_root, *server.pipeline_roots)
    if pipeline.pipeline_root and not is_below(pipeline.pipeline_root, roots):
        raise _not_allowed("pipelineRoot", pipeline.pipeline_root, server, roots)
    uri = pipeline.package.uri if pipeline.package else ""
    if uri and not is_below(uri, server.package_roots):
        raise _not_allowed("package.uri", uri, server, server.package_roots)


def _not_allowed(field: str, found: str, server: PipelineServer, allowed: Sequence[str]) -> InvalidSpec:
    shown = ", ".join(allowed) or "none"
    message = f"{found!r} is not allowed on pipeline server {server.name!r}; the platform allows: {shown}"
    return InvalidSpec(f"spec.pipeline.{field}", message)


def check_parameters(declared: Sequence[DeclaredParameter], parameters: Sequence[Parameter]) -> None:
    """InvalidSpec when the pipeline's declaration and the policy's parameters cannot fit, whatever fires.

    Values that come from a trigger or the champion are only known later: of those only the names are checked.
    """
    path = "spec.pipeline"
    for parameter in parameters:
        if parameter.name in RESERVED:
            raise InvalidSpec(f"{path}.parameters", f"{parameter.name} is set by Modelwright itself; leave it out")
    names = {parameter.name for parameter in declared}
    later = {parameter.name for parameter in parameters if parameter.value is None}
    if unknown := sorted(later - names):
        shown = ", ".join(sorted(names)) or "none"
        raise InvalidSpec(f"{path}.parameters", f"{unknown[0]} is not declared by the pipeline, which declares {shown}")
    given = tuple((parameter.name, parameter.value) for parameter in parameters if parameter.value is not None)
    ours: Parameters = (("result_uri", "file:///"), ("run_uid", "uid"))
    offered: Parameters = tuple((name, STAND_INS.get(name, "")) for name in OFFERED)
    try:
        typed_parameters([one for one in declared if one.name not in later], (*given, *ours), offered)
    except InvalidSpec as error:
        raise InvalidSpec(f"{path}.{error.path}", error.message) from None


def check_purpose(declared: Sequence[DeclaredParameter], triggers: Sequence[Trigger]) -> None:
    """InvalidSpec where a trigger wants the champion evaluated, and the pipeline could do nothing but train."""
    wanted = next((trigger.name for trigger in triggers if trigger.action is Action.EVALUATE), "")
    if wanted and not any((one.name, one.type) == (PURPOSE, "STRING") for one in declared):
        message = f"trigger {wanted} evaluates: the pipeline must take a text '{PURPOSE}', which is 'Evaluate' then"
        raise InvalidSpec("spec.pipeline", message)


def resolved(pipeline: Pipeline, evidence: Sequence[Evidence], champion: Champion | None) -> tuple[Parameter, ...]:
    """The parameters as literals. Of several triggers that fire together the first in the spec gives its value, and
    the widest window counts. What does not exist (no champion) is the empty text."""
    starts = [one.window_start for one in evidence if one.window_start]
    model = champion.model if champion else Model("", "")
    from_trigger = {
        "windowStart": format_time(min(starts)) if starts else "",
        "firedAt": format_time(max(one.at for one in evidence)),
        "value": evidence[0].value,
    }
    from_champion = {"uri": model.uri, "digest": model.digest, "version": model.version}

    def literal(parameter: Parameter) -> str:
        if parameter.value is not None:
            return parameter.value
        if parameter.secret is not None:
            # Its name only: the pipeline reads it with its own service account, and Kubeflow stores parameters openly.
            return parameter.secret
        known, name = (from_trigger, parameter.trigger) if parameter.trigger else (from_champion, parameter.champion)
        if name not in known:
            message = f"{parameter.name} asks for {name!r}; known are {', '.join(known)}"
            raise InvalidSpec("spec.pipeline.parameters", message)
        return known[name]

    return tuple(Parameter(parameter.name, literal(parameter)) for parameter in pipeline.parameters)


def required_parameters(run: RetrainRun, result_uri: str) -> Parameters:
    """What the pipeline must declare: the policy's parameters and the two that tie the result to the run."""
    own = tuple((parameter.name, parameter.value or "") for parameter in run.spec.pipeline.parameters)
    purpose = ((PURPOSE, str(run.spec.purpose)),) if run.spec.purpose is Purpose.EVALUATE else ()
    return (*own, ("result_uri", result_uri), ("run_uid", run.uid), *purpose)


def offered_parameters(run: RetrainRun) -> Parameters:
    """What the pipeline may declare: the model's version, the champion to compare with ("" if there is none), how sure
    comparisons have to be, and the resources that the policy asks for."""
    champion = run.spec.champion or Model("", "")
    confidence = (("comparison_confidence", run.spec.confidence),) if run.spec.confidence else ()
    wanted = run.spec.pipeline.resources
    gpu = wanted.gpu or Gpu("", 0)
    return (
        ("run_name", run.name),
        ("champion_uri", champion.uri),
        ("champion_digest", champion.digest),
        ("gpu_type", gpu.type),
        ("gpu_count", str(gpu.count)),
        ("node_pool", wanted.node_pool),
        ("spot", str(wanted.spot or "")),
        *confidence,
    )


def options_of(run: RetrainRun) -> RunOptions:
    pipeline = run.spec.pipeline
    off = pipeline.caching is Caching.DISABLED
    return RunOptions(pipeline.service_account, pipeline.pipeline_root, caching_off=off)
