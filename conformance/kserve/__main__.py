"""Builds what is missing, then runs the checks in a network of their own: `make conformance`.

    .venv/bin/python -m conformance.kserve [options of pytest]

The first time KServe and Knative's controller are built, which takes half an hour of a core.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from conformance.kserve import sources
from conformance.network import NoNetwork, run_inside
from modelwright_playground.controlplane.build import BuildFailed, binary
from modelwright_playground.controlplane.module_definitions import gateway_api_crds

PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "kserve-manager", "knative-controller")


def main(options: Sequence[str]) -> int:
    try:
        for name in PROGRAMS:
            binary(name)
        gateway_api_crds()
        sources.folders()
        command = [
            sys.executable,
            "-m",
            "conformance.kserve.inside",
            "-p",
            "no:cacheprovider",
            str(Path(__file__).parent),
        ]
        return run_inside([*command, *options])
    except (BuildFailed, NoNetwork) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
