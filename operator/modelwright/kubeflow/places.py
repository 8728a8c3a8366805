"""Which URIs lie below a root that the platform gave: pure, by their text alone."""

from __future__ import annotations

import posixpath
from collections.abc import Sequence
from urllib.parse import urlsplit

from modelwright.errors import ModelwrightError


class OutsideResultRoot(ModelwrightError):
    """A tenant named a place that the platform did not give it."""


def require_below(uri: str, root: str) -> None:
    """OutsideResultRoot unless `uri` is `root` or below it, by its text: same scheme, same host, no way around."""
    # TRAP: fsspec reads "a::b" as a chain of file systems, and object stores unquote; so neither may occur at all.
    if "::" in uri or any(letter in uri for letter in "%?#\\\0\n") or ".." in uri.split("/"):
        raise OutsideResultRoot("the URI of a result must be plain: without '..', '::', '%', '?', '#' and backslashes")
    wanted, found = urlsplit(root), urlsplit(uri)
    # A root may be a whole bucket, whose path is empty.
    base, path = posixpath.normpath(wanted.path or "/"), posixpath.normpath(found.path or "/")
    same_place = (wanted.scheme, wanted.netloc) == (found.scheme, found.netloc)
    if not same_place or not (path == base or path.startswith(base.rstrip("/") + "/")):
        raise OutsideResultRoot(f"the pipeline names {uri[:200]!r}, which is not below the folder it was given")


def is_below(uri: str, roots: Sequence[str]) -> bool:
    """Whether one of `roots` holds `uri`, by its text."""
    for root in roots:
        try:
            require_below(uri, root)
        except OutsideResultRoot:
            continue
        return True
    return False
