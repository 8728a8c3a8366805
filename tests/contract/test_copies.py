"""The checked copies: files that are shipped twice, and must not drift apart."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tests.contract.schema import ROOT
from tools.verify_copies import copies, different, write


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """Sources and copies alone, to be spoilt."""
    for copy, source in copies(ROOT).items():
        for file in (copy, source):
            target = tmp_path / file.relative_to(ROOT)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(file, target)
    return tmp_path


def test_every_copy_equals_its_source() -> None:
    assert different(ROOT) == []


def test_every_definition_is_in_the_chart() -> None:
    in_chart = {copy.name for copy in copies(ROOT) if "charts" in copy.parts}
    assert in_chart == {"modelrollouts.yaml", "retrainpolicies.yaml", "retrainruns.yaml"}


@pytest.mark.parametrize(
    "spoil",
    [
        lambda crds: (crds / "retrainruns.yaml").write_text("other\n"),
        lambda crds: (crds / "retrainruns.yaml").unlink(),
        lambda crds: (crds / "stray.yaml").write_text("a copy of nothing\n"),
    ],
    ids=["changed", "missing", "stray"],
)
def test_a_difference_is_found_and_mended(checkout: Path, spoil: object) -> None:
    assert callable(spoil)
    spoil(checkout / "charts/modelwright/files/crds")
    assert len(different(checkout)) == 1
    write(checkout)
    assert different(checkout) == []
