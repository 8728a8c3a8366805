"""Finding the newest marker below a prefix of an object store: the file that says a data set is complete.

Markers lie in the prefix itself or one folder below it, as in `lake/date=2026-11-21/_SUCCESS`.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from modelwright.errors import InvalidSpec, Unavailable
from modelwright.kubeflow.places import OutsideResultRoot, is_below
from modelwright.kubeflow.questions import MarkerFound, NewestMarker
from modelwright.kubeflow.storage import NotThere, open_below

MAX_FILES = 10_000
DEPTH = 2
# What each store calls the time of an object, and what tells two of the same time apart.
TIMES = ("LastModified", "mtime", "updated", "last_modified", "created")
SAME = ("ETag", "etag", "md5Hash", "generation", "size")
TOKEN_LENGTH = 16


def newest_marker(question: NewestMarker, roots: Sequence[str]) -> MarkerFound:
    """Raises OutsideResultRoot, NotThere, InvalidSpec where too much lies there, Unavailable for what the store did."""
    root = next((root for root in roots if is_below(question.prefix, (root,))), "")
    if not root:
        raise OutsideResultRoot(f"{question.prefix[:200]!r} is not below one of the platform's data roots")
    system, folder = open_below(question.prefix, root)
    try:
        found: Mapping[str, Any] = system.find(folder, maxdepth=DEPTH, detail=True)
    except FileNotFoundError:
        found = {}
    except Exception as error:  # every storage library has errors of its own
        raise Unavailable(f"the store of the data does not answer: {type(error).__name__}") from error
    if len(found) > MAX_FILES:
        raise InvalidSpec("", f"must hold at most {MAX_FILES} files in the prefix and its folders, found {len(found)}")
    markers = [(path, entry) for path, entry in found.items() if posixpath.basename(path) == question.marker]
    if not markers:
        raise NotThere(f"there is no {question.marker} in the prefix, nor in a folder of it")
    path, entry = max(markers, key=lambda marker: (_time(marker[1]), marker[0]))
    about = [path, str(_time(entry)), *(str(entry[name]) for name in SAME if name in entry)]
    token = hashlib.sha256("\n".join(about).encode()).hexdigest()[:TOKEN_LENGTH]
    return MarkerFound(posixpath.relpath(path, folder), token)


def _time(entry: Mapping[str, Any]) -> float:
    """Unix seconds; 0 where the store does not tell, so that names decide."""
    value = next((entry[name] for name in TIMES if entry.get(name) is not None), None)
    if isinstance(value, str):
        try:
            value = datetime.fromisoformat(value)
        except ValueError:
            return 0.0
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)).timestamp()
    return float(value) if isinstance(value, int | float) else 0.0
