"""What is committed twice stays equal: the compiled pipeline and its code, and the two copies of the digest."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import yaml

REPOSITORY = Path(__file__).resolve().parents[2]

COMPARE = """
import contextlib, io, json, pathlib, sys
from modelwright_pipelines import compile as c
def check(folder):
    c.COMPILED, c.differences.__defaults__ = folder, (folder,)
    said = io.StringIO()
    with contextlib.redirect_stderr(said):
        return c.main(["--check"]), said.getvalue()
committed = c.COMPILED
other = pathlib.Path(sys.argv[1])
(other / "churn-training.yaml").write_text((committed / "churn-training.yaml").read_text() + "# edited by hand\\n")
print(json.dumps([check(committed), check(other)]))
"""


def test_the_committed_pipeline_is_what_the_code_says_and_an_edit_by_hand_is_found(
    in_ml_environment: Callable[..., Any], tmp_path: Path
) -> None:
    committed, edited = in_ml_environment(COMPARE, str(tmp_path))
    assert committed == [0, ""]
    assert edited[0] == 1
    assert "-# edited by hand" in edited[1]
    assert "python -m modelwright_pipelines.compile" in edited[1]


def test_the_pipeline_declares_what_the_operator_passes() -> None:
    spec = yaml.safe_load((REPOSITORY / "pipelines" / "compiled" / "churn-training.yaml").read_text())
    declared = spec["root"]["inputDefinitions"]["parameters"]
    parts = ("data", "since", "result_uri", "run_uid", "run_name", "champion_uri", "champion_digest")
    texts = (*parts, "label_horizon", "slices", "anchor", "purpose")
    assert {name: each["parameterType"] for name, each in declared.items()} == {
        **dict.fromkeys(texts, "STRING"),
        "seed": "NUMBER_INTEGER",
        "comparison_confidence": "NUMBER_DOUBLE",
    }
    assert {name for name, each in declared.items() if not each.get("isOptional")} == {"data", "result_uri", "run_uid"}


def test_both_copies_of_the_digest_are_the_same_bytes() -> None:
    operator = REPOSITORY / "operator" / "modelwright" / "kubeflow" / "digest.py"
    assert (REPOSITORY / "pipelines" / "modelwright_pipelines" / "digest.py").read_bytes() == operator.read_bytes()


def test_the_schema_of_the_evaluation_is_a_schema() -> None:
    schema = json.loads((REPOSITORY / "pipelines" / "modelwright_pipelines" / "evaluation.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["properties"]["schemaVersion"] == {"const": "v1"}
