"""Installs what is missing, then runs the check.

.venv/bin/python -m conformance.mlflow [options of pytest]
"""

from __future__ import annotations

import sys
from pathlib import Path

from conformance.checking import check
from conformance.mlflow.server import environment


def install() -> None:
    environment()


if __name__ == "__main__":
    sys.exit(check(Path(__file__).parent, install, sys.argv[1:]))
