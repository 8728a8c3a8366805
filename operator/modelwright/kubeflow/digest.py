"""The digest of a model folder: the name under which a model is judged, approved, loaded and rejected.

sha256 over one line `<path>\\0<size>\\0<sha256 of the content>\\n` per file, sorted by path. Standard library only: the
pipelines' own environment keeps a copy of this file, so that both sides name the same bytes alike.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

CHUNK = 1 << 20


def digest(entries: Iterable[tuple[str, int, str]]) -> str:
    """`sha256:<hex>` over `(path, size in bytes, sha256 hex of the content)` of every file, in any order.

    Paths are relative to the folder and separated by "/". ValueError when there is no file, or when a path could be
    mistaken for another (a NUL or a line break in it, absolute, or leading out of the folder).
    """
    lines = sorted((_checked(path).encode(), size, content) for path, size, content in entries)
    if not lines:
        raise ValueError("the model folder holds no file")
    whole = hashlib.sha256()
    for path, size, content in lines:
        whole.update(path + f"\0{size}\0{content}\n".encode())
    return f"sha256:{whole.hexdigest()}"


def digest_folder(path: str | Path) -> str:
    """The digest of the local folder `path`. ValueError for an empty folder or one that holds a symbolic link:
    what a link leads to may change while the link stays the same. OSError when it cannot be read."""
    return digest(_entries(Path(path)))


def content_digest(stream: BinaryIO) -> tuple[int, str]:
    """Size in bytes and sha256 hex of what is left in `stream`, read in pieces: models may be larger than memory."""
    size, content = 0, hashlib.sha256()
    while chunk := stream.read(CHUNK):
        size += len(chunk)
        content.update(chunk)
    return size, content.hexdigest()


def _entries(root: Path) -> Iterable[tuple[str, int, str]]:
    if not root.is_dir():
        raise FileNotFoundError(f"no such folder: {root.name}")
    for folder, subfolders, files in os.walk(root):
        for name in (*subfolders, *files):
            if (Path(folder) / name).is_symlink():
                raise ValueError(f"the model folder holds a symbolic link: {name}")
        for name in files:
            file = Path(folder) / name
            with file.open("rb") as stream:
                size, content = content_digest(stream)
            yield file.relative_to(root).as_posix(), size, content


def _checked(path: str) -> str:
    if "\0" in path or "\n" in path or path.startswith("/") or ".." in path.split("/"):
        raise ValueError(f"not a relative path of a file: {path!r}")
    return path
