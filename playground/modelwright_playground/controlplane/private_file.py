"""Files that only their owner may read: keys and what contains them."""

from __future__ import annotations

import os
from pathlib import Path


def write_private(file: Path, content: bytes) -> None:
    """Make `file` hold `content`, whole or not at all, with mode 0600."""
    temporary = file.with_name(f".{file.name}.new")
    temporary.unlink(missing_ok=True)
    # Created closed to others: a chmod afterwards would leave a moment in which it is open.
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as handle:
        handle.write(content)
    temporary.replace(file)
