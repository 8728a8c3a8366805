"""Reading which pipeline to run: in a policy with parameters that are still to be resolved, in a run with literals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from modelwright.api.fields import Fields
from modelwright.api.pipelines import Caching, Gpu, Package, Parameter, Pipeline, Resources, Spot


def pipeline(
    fields: Fields, parameter: Callable[[Fields], Parameter], package_of: Callable[[Fields], Package]
) -> Pipeline:
    """The pipeline in `fields`; `parameter` reads one of its parameters, `package_of` what it may bring along."""
    fields.exactly_one("name", "package")
    package = fields.maybe_section("package")
    return Pipeline(
        name=fields.text("name", Pipeline.name),
        server=fields.text("server", Pipeline.server),
        version=fields.text("version", Pipeline.version),
        experiment=fields.text("experiment", Pipeline.experiment),
        timeout=fields.duration("timeout", Pipeline.timeout),
        parameters=tuple(parameter(each) for each in fields.sections("parameters")),
        package=package_of(package) if package else None,
        service_account=fields.text("serviceAccountName", Pipeline.service_account),
        pipeline_root=fields.text("pipelineRoot", Pipeline.pipeline_root),
        caching=fields.choice("caching", Caching, Pipeline.caching),
        retries=fields.integer("retries", Pipeline.retries),
        resources=_resources(fields.section_or_empty("resources")),
    )


def literal(fields: Fields) -> Parameter:
    """A parameter of a run: what was passed."""
    return Parameter(fields.text("name"), value=fields.text("value"))


def resolvable(fields: Fields) -> Parameter:
    """A parameter of a policy: a literal, or where its value is to be taken from when a trigger fires."""
    if fields.exactly_one("value", "valueFrom") == "value":
        return literal(fields)
    source = fields.section("valueFrom")
    source.exactly_one("trigger", "champion", "secretRef")
    secret = source.maybe_section("secretRef")
    return Parameter(
        fields.text("name"),
        trigger=source.maybe_text("trigger"),
        champion=source.maybe_text("champion"),
        secret=secret.text("name") if secret else None,
    )


def named_package(fields: Fields) -> Package:
    """The package of a policy: where it lies."""
    fields.exactly_one("configMap", "uri")
    config_map = fields.maybe_section("configMap")
    if config_map is None:
        return Package(uri=fields.text("uri"))
    return Package(config_map.text("name"), config_map.text("key", Package.key))


def launched_package(fields: Fields) -> Package:
    """The package of a run: which one it was, besides."""
    return replace(named_package(fields), digest=fields.text("digest", Package.digest))


def _resources(fields: Fields) -> Resources:
    gpu = fields.maybe_section("gpu")
    return Resources(
        gpu=Gpu(gpu.text("type"), gpu.integer("count", Gpu.count)) if gpu else None,
        node_pool=fields.text("nodePool", Resources.node_pool),
        spot=fields.choice("spot", Spot) if fields.has("spot") else None,
    )
