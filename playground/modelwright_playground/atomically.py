"""Files that others watch: replaced by a rename, and only when their content really changes."""

from __future__ import annotations

import os
from pathlib import Path


def write(path: Path, content: str) -> bool:
    """Make `path` hold `content`. False, and no new inode, where it already does.

    The temporary name is hidden and in the same folder: a rename across file systems is not atomic, and a glob such
    as Prometheus's `*.json` must not see half a file.
    """
    try:
        if path.read_text() == content:
            return False
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    temporary.write_text(content)
    temporary.replace(path)
    return True
