"""Builds what is missing, then runs the check in a network of its own: `make conformance CHECKS=istio`.

    .venv/bin/python -m conformance.istio [options of pytest]

The first time istiod is built, which takes eight minutes of a core. The check itself takes some five minutes.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from conformance.istio.istiod import DEFINITIONS
from conformance.network import NoNetwork, run_inside
from modelwright_playground.controlplane.build import BuildFailed, binary
from modelwright_playground.controlplane.module_definitions import crds_of, gateway_api_crds

PROGRAMS = ("etcd", "kube-apiserver", "kube-controller-manager", "prometheus", "helm", "pilot-discovery")


def main(options: Sequence[str]) -> int:
    try:
        for name in PROGRAMS:
            binary(name)
        gateway_api_crds()
        crds_of(DEFINITIONS)
        tests = str(Path(__file__).parent)
        return run_inside([sys.executable, "-m", "conformance.istio.inside", "-p", "no:cacheprovider", tests, *options])
    except (BuildFailed, NoNetwork) as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
