"""Installs what is missing, then runs the check.

.venv/bin/python -m conformance.object_stores [options of pytest]
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from conformance.checking import ROOT, run_tests
from conformance.installing import environment_with
from conformance.object_stores.servers import programs
from modelwright_playground.controlplane.build import BuildFailed


def main(options: Sequence[str]) -> int:
    """The tests run where the extras `s3` and `gs` are installed as a user would, in their newest versions."""
    try:
        programs()
        python = environment_with("object-stores", f"{ROOT}[s3,gs]", "pytest>=9", "pytest-asyncio", "cryptography")
    except BuildFailed as error:
        print(error, file=sys.stderr)
        return 1
    return run_tests(Path(__file__).parent, options, python / "python")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
