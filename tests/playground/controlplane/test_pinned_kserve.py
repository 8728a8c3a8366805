"""The KServe and Knative of `make conformance` are those that are named, and whose definition the tests use."""

from __future__ import annotations

import pytest

from modelwright_playground.controlplane.toolchain import ON_DEMAND, TOOLCHAIN


@pytest.mark.parametrize(
    ("name", "path"),
    [("kserve-manager", "github.com/kserve/kserve"), ("knative-controller", "knative.dev/serving")],
)
def test_what_is_built_is_of_the_version_that_it_is_called_by(name: str, path: str) -> None:
    tool = ON_DEMAND[name]
    assert f"require {path} v{tool.version} " in (tool.folder / "go.mod").read_text()
    assert f"\n{path} v{tool.version} h1:" in "\n" + (tool.folder / "go.sum").read_text()


def test_the_kserve_that_is_checked_is_the_one_whose_definition_tests_use() -> None:
    built, defined = (TOOLCHAIN / folder / "go.sum" for folder in ("kserve-manager", "kserve"))
    (line,) = [line for line in defined.read_text().splitlines() if line.startswith("github.com/kserve/kserve v0")][:1]
    assert line in built.read_text().splitlines()
