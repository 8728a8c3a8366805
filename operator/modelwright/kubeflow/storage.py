"""Opening what lies below the platform's roots, through fsspec: file at home, object stores with their extra.

URIs come from tenants, or from pipelines that run a tenant's code: nothing outside the given roots is ever opened.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

import fsspec

from modelwright.errors import InvalidSpec, ModelwrightError, Unavailable
from modelwright.kubeflow import s3
from modelwright.kubeflow.places import OutsideResultRoot, is_below, require_below

s3.register()


class NotThere(ModelwrightError):
    """Nothing is stored under the URI (yet)."""


def read_file(uri: str, root: str, largest: int, what: str) -> bytes:
    """The content of the file at `uri`, of at most `largest` bytes. `what` names it in messages.

    Raises OutsideResultRoot, NotThere, InvalidSpec where it is too large, Unavailable for what the storage did.
    """
    system, path = open_below(uri, root)
    try:
        with system.open(path, "rb") as stream:
            raw: bytes = stream.read(largest + 1)
    except FileNotFoundError:
        raise NotThere(f"there is no {what}") from None
    except Exception as error:  # every storage library has errors of its own
        raise Unavailable(f"the storage of the {what} does not answer: {type(error).__name__}") from error
    if len(raw) > largest:
        raise InvalidSpec("", f"must be at most {largest} bytes")
    return raw


def read_package(uri: str, roots: Sequence[str], largest: int) -> str:
    """The text of the compiled pipeline at `uri`, which has to be below one of `roots`. Raises as `read_file`."""
    root = next((root for root in roots if is_below(uri, (root,))), "")
    if not root:
        shown = ", ".join(roots) or "none"
        raise OutsideResultRoot(f"{uri[:200]!r} is not below one of the platform's package roots; they are: {shown}")
    return read_file(uri, root, largest, what="package").decode(errors="replace")


def open_below(uri: str, root: str) -> tuple[Any, str]:
    """The file system of `uri`, and its path there. Raises OutsideResultRoot, or Unavailable without a library."""
    require_below(uri, root)
    try:
        system, path = fsspec.core.url_to_fs(uri)
    except (ImportError, ValueError):
        scheme = urlsplit(root).scheme
        raise Unavailable(f"this operator has no storage library to read {scheme}:// with") from None
    if urlsplit(uri).scheme == "file":
        real, real_root = os.path.realpath(path), os.path.realpath(urlsplit(root).path)
        if os.path.commonpath([real, real_root]) != real_root:
            raise OutsideResultRoot("the pipeline left a symbolic link that leads out of the folder it was given")
    # TRAP: libraries of object stores remember a listing as long as the process lives: nothing new would be seen.
    system.invalidate_cache()
    return system, path.rstrip("/")
