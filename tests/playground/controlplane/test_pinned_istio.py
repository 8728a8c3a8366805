"""The istiod of `make conformance` is the commit that is named."""

from __future__ import annotations

import re

from modelwright_playground.controlplane.toolchain import ISTIO_COMMIT, ON_DEMAND


def test_the_commit_of_istio_that_we_name_is_the_one_that_its_module_pins() -> None:
    pins = (ON_DEMAND["pilot-discovery"].folder / "go.mod").read_text()
    assert re.findall(r"^\tistio\.io/istio v0\.0\.0-\d{14}-(\w+)", pins, re.M) == [ISTIO_COMMIT]
