"""Installs what is missing, then runs the check.

.venv/bin/python -m conformance.object_stores [options of pytest]
"""

from __future__ import annotations

import sys
from pathlib import Path

from conformance.checking import ROOT, check
from conformance.installing import environment_with
from conformance.object_stores.servers import programs


def install() -> Path:
    """The extras `s3` and `gs` as a user would install them, in their newest versions."""
    programs()
    bin = environment_with("object-stores", f"{ROOT}[s3,gs]", "pytest>=9", "pytest-asyncio", "cryptography")
    return bin / "python"


if __name__ == "__main__":
    sys.exit(check(Path(__file__).parent, install, sys.argv[1:]))
