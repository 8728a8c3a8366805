"""docs/api.md says what crds/ says."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tools import api_reference

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="module")
def page() -> str:
    return api_reference.page()


def test_the_committed_page_is_the_generated_one() -> None:
    found = subprocess.run(
        [sys.executable, ROOT / "tools/api_reference.py", "--check"], capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stderr) == (0, "")


@pytest.mark.parametrize("name", api_reference.KINDS)
def test_every_field_and_every_rule_of_a_kind_is_on_the_page(name: str, page: str) -> None:
    text = (ROOT / "crds" / f"{name}.yaml").read_text()
    kind = yaml.safe_load(text)["spec"]["names"]["kind"]
    part = page.split(f"\n## {kind}\n")[1].split("\n## ")[0]
    # Counted in the text, so that a field which the generator does not walk to is missed.
    described = len(re.findall(r"^ +description: ", text, re.MULTILINE))
    rules = len(re.findall(r"^ +message: \"", text, re.MULTILINE))
    assert part.count("\n- ") == rules
    assert part.count("\n| `") == described - len(["of the kind itself"])


def test_a_field_is_shown_with_its_type_bounds_and_meaning(page: str) -> None:
    assert (
        "| `spec.strategy.canary.steps[].weight` | integer | 1 to 100 | "
        "weight is the candidate's share of traffic in percent. |"
    ) in page


def test_a_page_that_differs_is_told_with_the_command_that_mends_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs/api.md").write_text("of yesterday")
    monkeypatch.setattr(api_reference, "ROOT", tmp_path)
    monkeypatch.setattr(api_reference, "page", lambda: "of today")
    assert api_reference.main(["--check"]) == 1
    assert "run .venv/bin/python tools/api_reference.py" in capsys.readouterr().err
    assert api_reference.main([]) == 0
    assert api_reference.main(["--check"]) == 0
