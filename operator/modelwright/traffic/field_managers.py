"""Who changed a route, and how to hand it back: the managedFields of an object that belongs to somebody else. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from modelwright.api.times import parse_time
from modelwright.traffic.shapes import shape_of

# TRAP: not the operator's own name. It would take the change for one of its own and raise the weight again.
SETTLER = "modelwright-settle"

Object = Mapping[str, Any]


def changed_by(body: Object, ours: str) -> str:
    """The manager who set the rules last, "" where that was us.

    The rules are one atomic field: whoever changes a byte of them takes them from everybody else.
    """
    rules = f"f:{shape_of(body).rules}"
    owners = [entry for entry in _of_spec(body) if rules in entry.get("fieldsV1", {}).get("f:spec", {})]
    if any(entry.get("manager") == ours for entry in owners):
        return ""
    # Nobody owns them once we gave them back and somebody cleared the list: then the newest change has to do.
    newest: Object = max(owners or _of_spec(body), key=lambda entry: str(entry.get("time", "")), default={})
    return str(newest.get("manager") or "somebody")


def newest(body: Object, ours: str) -> str:
    """The manager of the newest change of an object that is ours, "" where that was us.

    Times have whole seconds: on a tie the change counts as somebody else's, whose word weighs more than ours.
    """
    last: Object = max(_of_spec(body), key=lambda e: (e.get("time", ""), e.get("manager") != ours), default={})
    return "" if last.get("manager") == ours else str(last.get("manager") or "somebody")


def managers(body: Object) -> tuple[str, ...]:
    """All who ever set a field of its metadata or spec and still own it, each once."""
    return tuple(dict.fromkeys(str(entry.get("manager", "")) for entry in _of_spec(body)))


def written_at(body: Object) -> datetime:
    """The newest change of its metadata or spec, by the API server's clock."""
    times = [str(entry["time"]) for entry in _of_spec(body) if "time" in entry]
    return parse_time(max(times, default=body["metadata"]["creationTimestamp"]))


def is_held(body: Object, *ours: str) -> bool:
    return bool(_entries(body, ours))


def release(body: Object, *ours: str) -> list[dict[str, Any]]:
    """The JSON Patch that takes our entries out: afterwards the rules belong to whoever applies them next.

    TRAP: while an entry of ours owns the rules, a server-side apply of a changed manifest ends in a conflict.
    """
    entries = _entries(body, ours)
    if not entries:
        return []
    version = {"op": "test", "path": "/metadata/resourceVersion", "value": body["metadata"]["resourceVersion"]}
    # From the last to the first, since each removal moves those after it.
    return [version, *({"op": "remove", "path": f"/metadata/managedFields/{place}"} for place in reversed(entries))]


def _entries(body: Object, ours: Sequence[str]) -> list[int]:
    fields = enumerate(body["metadata"].get("managedFields", []))
    return [place for place, entry in fields if entry.get("manager") in ours and not entry.get("subresource")]


def _of_spec(body: Object) -> list[Object]:
    return [entry for entry in body["metadata"].get("managedFields", []) if not entry.get("subresource")]
