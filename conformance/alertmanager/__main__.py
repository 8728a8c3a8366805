"""Installs what is missing, then runs the check.

.venv/bin/python -m conformance.alertmanager [options of pytest]
"""

from __future__ import annotations

import sys
from pathlib import Path

from conformance.checking import check
from conformance.installing import go_program

# The newest whose web pages come with the module.
ALERTMANAGER = ("github.com/prometheus/alertmanager/cmd/alertmanager", "v0.28.1")


def install() -> None:
    go_program(*ALERTMANAGER)


if __name__ == "__main__":
    sys.exit(check(Path(__file__).parent, install, sys.argv[1:]))
