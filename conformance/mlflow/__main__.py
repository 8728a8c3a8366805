"""Installs what is missing, then runs the check.

.venv/bin/python -m conformance.mlflow [options of pytest]
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from conformance.checking import run_tests
from conformance.mlflow.server import environment
from modelwright_playground.controlplane.build import BuildFailed


def main(options: Sequence[str]) -> int:
    try:
        environment()
    except BuildFailed as error:
        print(error, file=sys.stderr)
        return 1
    return run_tests(Path(__file__).parent, options)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
