"""Lines of the trail: how one is written, and how many of them are verified. Pure.

A line is one JSON object. Its `hash` is the sha256 of its other fields, written with sorted keys and without blanks;
`previous` is the hash of the line before. Whoever changes, removes or reorders a line breaks the chain there. Lines
that are cut off at the end show only to who kept the last hash elsewhere.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

FORMAT = "v1"
BEGINS_WITH = '{"audit"'
"""So that the lines can be told from others on the same stream."""


@dataclass(frozen=True)
class Link:
    """Where a chain stands: its segment (one for each process that wrote it), the number and hash of its last line."""

    segment: str
    number: int = 0
    hash: str = ""


@dataclass(frozen=True)
class Verified:
    """`broken` says where and how the chain breaks first, "" where it holds. `notes` are for people."""

    lines: int
    segments: int
    last: Link
    broken: str = ""
    notes: tuple[str, ...] = ()


def line_after(link: Link, record: Mapping[str, Any]) -> tuple[str, Link]:
    """The line for `record` without its line break, and where the chain stands with it."""
    number = link.number + 1
    fields = {"audit": FORMAT, "segment": link.segment, "number": number, "previous": link.hash, **record}
    digest = _digest(fields)
    ordered = {"audit": FORMAT, "hash": digest, **fields}
    return json.dumps(ordered, ensure_ascii=False, separators=(",", ":")), Link(link.segment, number, digest)


def read_link(line: str) -> Link | None:
    """Where the chain stands after this line, None where it is torn or was changed."""
    try:
        fields = json.loads(line)
    except ValueError:
        return None
    if not isinstance(fields, dict) or fields.get("hash") != _digest(fields):
        return None
    return Link(str(fields.get("segment")), int(fields.get("number", 0)), str(fields["hash"]))


def verify(lines: Iterable[str]) -> Verified:
    """Follows the chain from its first line. A segment after the first has to name the last hash of the one before."""
    last, count, segments = Link(""), 0, 0
    notes: list[str] = []
    for place, line in enumerate(lines, 1):
        found = read_link(line)
        if found is None:
            # A process that is killed while it writes leaves a torn line; the next segment goes on from the one before.
            if _is_whole(line):
                return Verified(count, segments, last, f"line {place} was changed", tuple(notes))
            notes.append(f"line {place} is torn")
            continue
        previous = str(json.loads(line).get("previous", ""))
        if found.segment != last.segment:
            segments += 1
            if not count and previous:
                notes.append(f"line {place} goes on from {previous[:12]}, which is not in this file")
        if count and previous != last.hash:
            broken = f"line {place} follows {previous[:12] or 'nothing'}, but the line before it is {last.hash[:12]}"
            return Verified(count, segments, last, broken, tuple(notes))
        if found.segment == last.segment and found.number != last.number + 1:
            broken = f"line {place} has the number {found.number} after {last.number}"
            return Verified(count, segments, last, broken, tuple(notes))
        last, count = found, count + 1
    return Verified(count, segments, last, "", tuple(notes))


def _is_whole(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _digest(fields: Mapping[str, Any]) -> str:
    content = {name: value for name, value in fields.items() if name != "hash"}
    text = json.dumps(content, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
