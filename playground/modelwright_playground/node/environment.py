"""A container's environment and argument list, from its pod, the image table, ConfigMaps and Secrets. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from modelwright_playground.node.downward import PodFacts, field, resource
from modelwright_playground.node.errors import config_error
from modelwright_playground.node.expansion import expand, localise
from modelwright_playground.node.images import Image

Object = Mapping[str, Any]
Sources = Mapping[tuple[str, str], Mapping[str, str]]
"""(ConfigMap | Secret, name) -> its data as text; what does not exist is not in it."""

_REFERENCES = {"configMapKeyRef": "ConfigMap", "secretKeyRef": "Secret"}


@dataclass(frozen=True)
class Command:
    arguments: Sequence[str]
    environment: Mapping[str, str]


def references(container: Object) -> set[tuple[str, str]]:
    """The ConfigMaps and Secrets that a container's environment names, optional ones too."""
    found: set[tuple[str, str]] = set()
    for source in container.get("envFrom") or []:
        kind, whole = _whole(source)
        found.add((kind, whole["name"]))
    for variable in container.get("env") or []:
        for key, kind in _REFERENCES.items():
            if reference := (variable.get("valueFrom") or {}).get(key):
                found.add((kind, reference["name"]))
    return found


def build_command(
    container: Object,
    image: Image,
    facts: PodFacts,
    sources: Sources,
    *,
    node_env: Mapping[str, str],
    mounts: Mapping[str, str],
) -> Command:
    """The process that a container is. `node_env` is what the node gives to every process, `mounts` as in `localise`.

    The order of Kubernetes: image below envFrom below env, where a value may refer to earlier entries of `env`. What
    the node gives (LISTEN_ADDRESS, HOME, …) lies below the image, and may be referred to everywhere.
    """
    own: dict[str, str] = {}
    for variable in container.get("env") or []:
        value = _value(variable, container, facts, sources, {**node_env, **own})
        if value is not None:
            own[variable["name"]] = value
    pods = {**_env_from(container, sources), **own}
    pods = {name: localise(value, mounts) for name, value in pods.items()}

    known = {**node_env, **pods}
    images = {name: expand(value, known) for name, value in image.env.items()}
    # The table's own words are expanded too, so that an entry can say `--bind $(LISTEN_ADDRESS)`.
    placed = replace(
        image,
        command=tuple(expand(text, known) for text in image.command),
        args=tuple(expand(text, known) for text in image.args),
    )
    command, args = (
        [localise(expand(text, known), mounts) for text in container.get(part) or []] for part in ("command", "args")
    )
    arguments = placed.arguments(command or None, args or None)
    return Command(arguments, {**node_env, **images, **pods})


def _env_from(container: Object, sources: Sources) -> dict[str, str]:
    result: dict[str, str] = {}
    for source in container.get("envFrom") or []:
        kind, reference = _whole(source)
        data = sources.get((kind, reference["name"]))
        if data is None and not reference.get("optional"):
            raise config_error(f"{kind} {reference['name']} not found")
        result.update({source.get("prefix", "") + key: value for key, value in (data or {}).items()})
    return result


def _value(
    variable: Object, container: Object, facts: PodFacts, sources: Sources, known: Mapping[str, str]
) -> str | None:
    """One entry of `env`; None where an optional reference leads nowhere."""
    origin = variable.get("valueFrom")
    if not origin:
        return expand(variable.get("value") or "", known)
    for key, kind in _REFERENCES.items():
        if reference := origin.get(key):
            return _from_key(kind, reference, sources)
    if reference := origin.get("fieldRef"):
        return field(facts, reference["fieldPath"])
    if reference := origin.get("resourceFieldRef"):
        return resource(facts, reference, container["name"])
    raise config_error(f"env {variable['name']}: the playground's node does not know this kind of valueFrom")


def _from_key(kind: str, reference: Object, sources: Sources) -> str | None:
    name, key, optional = reference["name"], reference["key"], bool(reference.get("optional"))
    data = sources.get((kind, name))
    if data is None and not optional:
        raise config_error(f"{kind} {name} not found")
    if data is None or key not in data:
        if optional:
            return None
        raise config_error(f"{kind} {name} has no key {key}")
    return data[key]


def _whole(source: Object) -> tuple[str, Object]:
    if reference := source.get("configMapRef"):
        return "ConfigMap", reference
    return "Secret", source["secretRef"]
