"""Where rows and models lie: turns a URI into a local path, and writes so that nobody ever reads half a file.

The playground's store is the local file system. An image for S3 or GCS replaces this room, and nothing else changes.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit


class StorageError(Exception):
    """A URI cannot be used: the message says which one, and what is needed."""


def local_path(uri: str) -> Path:
    """The path behind a `file://` URI or an absolute path.

    Raises StorageError for anything else.
    """
    parts = urlsplit(uri)
    if parts.scheme == "file" and parts.netloc in ("", "localhost"):
        return Path(unquote(parts.path))
    if not parts.scheme and uri.startswith("/"):
        return Path(uri)
    raise StorageError(f"found {uri!r}, need a file:// URI or an absolute path: this image has no other storage")


def beside(uri: str, name: str) -> str:
    """The URI of `name` in the same folder as `uri`."""
    return f"{uri.rsplit('/', 1)[0]}/{name}"


def write_json(path: Path, value: Any) -> None:
    """Replaces `path` by `value` as JSON in one step: a reader sees the old content or the new."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with part.open("w", encoding="utf-8") as out:
            # allow_nan=False: NaN is not JSON, and an unknown number must never look like one.
            json.dump(value, out, indent=2, sort_keys=True, allow_nan=False)
            out.write("\n")
            out.flush()
            os.fsync(out.fileno())
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def replaced_folder(path: Path) -> Iterator[Path]:
    """A fresh folder to fill, which becomes `path` when the block ends without an error."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(prefix=f".{path.name}.", dir=path.parent))
    # mkdtemp is private to its owner; a model is read by the pods' users.
    fresh.chmod(0o755)
    try:
        yield fresh
        if path.exists():
            shutil.rmtree(path)
        fresh.rename(path)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
