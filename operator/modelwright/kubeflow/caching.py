"""Switches Kubeflow's cache off in a compiled pipeline: pure, a spec in and a spec out.

The cache is no parameter of a run. A run that names a pipeline's version gets what was compiled into the version, which
is "on" unless its author said otherwise: a retraining with unchanged parameters then "succeeds" with the old model.
Only a run that brings the spec along can have it off.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import Any

Spec = dict[str, Any]


def without_caching(stored: Any) -> Spec | None:
    """A copy of the compiled pipeline `stored` in which no task asks for the cache; None where its tasks cannot be
    told, because it is not a graph of tasks in Kubeflow's own form (schema 2.x)."""
    if not isinstance(stored, Mapping):
        return None
    spec: Spec = copy.deepcopy(dict(stored))
    tasks = list(_tasks(pipeline_of(spec)))
    if not tasks:
        return None
    for task in tasks:
        task["cachingOptions"] = {}
    return spec


def pipeline_of(stored: Mapping[str, Any]) -> Mapping[str, Any]:
    """The pipeline itself: with platform features (volumes, secrets) it is stored as {pipeline_spec, platform_spec}."""
    found = stored.get("pipeline_spec", stored)
    return found if isinstance(found, Mapping) else {}


def _tasks(pipeline: Mapping[str, Any]) -> Iterator[Spec]:
    """The tasks of the root and of every graph within it: loops, conditions and exit handlers are components."""
    components = pipeline.get("components")
    nested = components.values() if isinstance(components, Mapping) else ()
    for component in (pipeline.get("root"), *nested):
        dag = component.get("dag") if isinstance(component, Mapping) else None
        tasks = dag.get("tasks") if isinstance(dag, Mapping) else None
        if isinstance(tasks, Mapping):
            yield from (task for task in tasks.values() if isinstance(task, dict))
