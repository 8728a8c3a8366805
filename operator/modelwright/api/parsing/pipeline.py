"""Reading which pipeline to run: in a policy with parameters that are still to be resolved, in a run with literals."""

from __future__ import annotations

from collections.abc import Callable

from modelwright.api.fields import Fields
from modelwright.api.policy import Parameter, Pipeline


def pipeline(fields: Fields, parameter: Callable[[Fields], Parameter]) -> Pipeline:
    """The pipeline in `fields`; `parameter` reads one of its parameters."""
    return Pipeline(
        name=fields.text("name"),
        server=fields.text("server", Pipeline.server),
        version=fields.text("version", Pipeline.version),
        experiment=fields.text("experiment", Pipeline.experiment),
        timeout=fields.duration("timeout", Pipeline.timeout),
        parameters=tuple(parameter(each) for each in fields.sections("parameters")),
    )


def literal(fields: Fields) -> Parameter:
    """A parameter of a run: what was passed."""
    return Parameter(fields.text("name"), value=fields.text("value"))


def resolvable(fields: Fields) -> Parameter:
    """A parameter of a policy: a literal, or where its value is to be taken from when a trigger fires."""
    if fields.exactly_one("value", "valueFrom") == "value":
        return literal(fields)
    source = fields.section("valueFrom")
    source.exactly_one("trigger", "champion")
    return Parameter(fields.text("name"), trigger=source.maybe_text("trigger"), champion=source.maybe_text("champion"))
