"""Installs what is missing, then runs the check.

.venv/bin/python -m conformance.alertmanager [options of pytest]
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from conformance.checking import run_tests
from conformance.installing import go_program
from modelwright_playground.controlplane.build import BuildFailed

# The newest whose web pages come with the module.
ALERTMANAGER = ("github.com/prometheus/alertmanager/cmd/alertmanager", "v0.28.1")


def main(options: Sequence[str]) -> int:
    try:
        go_program(*ALERTMANAGER)
    except BuildFailed as error:
        print(error, file=sys.stderr)
        return 1
    return run_tests(Path(__file__).parent, options)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
