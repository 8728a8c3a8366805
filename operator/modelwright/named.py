"""What the platform configures under names, for namespaces: read by name, and found by those who may use it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol, TypeVar

from modelwright.api.fields import Fields
from modelwright.errors import InvalidSpec


class Named(Protocol):
    @property
    def name(self) -> str: ...


class Shared(Named, Protocol):
    def allows(self, namespace: str) -> bool: ...


N = TypeVar("N", bound=Named)
S = TypeVar("S", bound=Shared)


def by_name(configuration: Mapping[str, Any], section: str, parse: Callable[[Fields], N], plural: str) -> dict[str, N]:
    """The entries of `section`, by name. Raises InvalidSpec with the path of what has to change."""
    found: dict[str, N] = {}
    for fields in Fields(configuration, "").sections(section):
        entry = parse(fields)
        if entry.name in found:
            raise fields.refuse("name", f"two {plural} are named {entry.name!r}, each needs a name of its own")
        found[entry.name] = entry
    return found


def usable(namespace: str, name: str, known: Mapping[str, S], what: str, path: str) -> S:
    """The entry called `name`, or InvalidSpec at `path` with those that `namespace` may use."""
    entry = known.get(name)
    if entry is not None and entry.allows(namespace):
        return entry
    others = ", ".join(sorted(other.name for other in known.values() if other.allows(namespace))) or "none"
    found = "is not configured" if entry is None else f"may not be used from namespace {namespace}"
    raise InvalidSpec(path, f"{what}{name!r} {found}; usable here: {others}")
