"""Hypothesis strategies for the frozen types: any value that the schema allows."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, get_args, get_origin

from hypothesis import strategies as st

from modelwright.api.durations import LONGEST
from modelwright.api.pipelines import Caching, Package, Parameter, Pipeline, Resources
from modelwright.api.records import field_types, is_required
from modelwright.api.run import RunSpec

DURATIONS = st.integers(0, LONGEST // timedelta(milliseconds=1)).map(lambda ms: timedelta(milliseconds=ms))
MICROSECONDS = st.integers(0, 2**53)
TIMES = MICROSECONDS.map(lambda count: datetime.fromtimestamp(0, UTC) + timedelta(microseconds=count))
TEXTS = st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=30)
NAMES = st.from_regex(r"[a-z][a-z0-9]{0,20}", fullmatch=True)


def records(kind: type) -> st.SearchStrategy[Any]:
    """Any `kind`: a field with a default is there or not."""
    types = field_types(kind)
    required = {field.name: _values(types[field.name]) for field in fields(kind) if is_required(field)}
    optional = {field.name: _values(types[field.name]) for field in fields(kind) if not is_required(field)}
    return st.fixed_dictionaries(required, optional=optional).map(lambda values: kind(**values))


def run_specs() -> st.SearchStrategy[RunSpec]:
    """Any RunSpec: its parameters are literals, and it has evidence."""
    literals = st.lists(st.builds(Parameter, NAMES, value=TEXTS), max_size=3).map(tuple)
    packages = st.builds(Package, NAMES, NAMES, digest=TEXTS) | st.builds(Package, uri=NAMES, digest=TEXTS)
    common = st.builds(
        Pipeline,
        NAMES,
        server=NAMES,
        experiment=TEXTS,
        timeout=DURATIONS,
        parameters=literals,
        service_account=TEXTS,
        pipeline_root=TEXTS,
        caching=st.sampled_from(Caching),
        retries=st.integers(0, 10),
        resources=records(Resources),
    )
    named = st.builds(lambda pipeline, version: replace(pipeline, version=version), common, TEXTS)
    packaged = st.builds(lambda pipeline, package: replace(pipeline, name="", package=package), common, packages)
    pipelines = named | packaged
    with_evidence = records(RunSpec).filter(lambda spec: bool(spec.evidence))
    return st.builds(lambda spec, pipeline: replace(spec, pipeline=pipeline), with_evidence, pipelines)


def _values(hint: Any) -> st.SearchStrategy[Any]:
    if get_origin(hint) is tuple:
        return st.lists(records(get_args(hint)[0]), max_size=3).map(tuple)
    known = {str: TEXTS, int: st.integers(0, 2**31 - 1), datetime: TIMES, timedelta: DURATIONS}
    if hint in known:
        return known[hint]
    return st.sampled_from(list(hint)) if issubclass(hint, StrEnum) else records(hint)
