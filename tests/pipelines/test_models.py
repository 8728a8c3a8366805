"""Models and checks, in the pipelines' environment: what is trained, what is refused, what breaks only on live rows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.pipelines.rows import customers, write

MAKE = """
import json, pathlib, sys
from modelwright_pipelines import make_model, model as models
from modelwright_pipelines.lake import snapshot
rows, live, folder = snapshot(sys.argv[1]), snapshot(sys.argv[2]), pathlib.Path(sys.argv[3])
known = make_model.without_category(rows, "plan=student")
said = {}
for kind in ("champion", "hotfix"):
    digests = {make_model.make(known, folder / kind, kind, 0) for _ in range(2)}
    model, signature = models.load(folder / kind)
    models.reproduced_golden(folder / kind, model)
    def fails(row):
        try:
            return not 0 <= models.probabilities(model, [row])[0] <= 1
        except ValueError as error:
            return "unknown categories" in str(error)
    usual = make_model.without_category(live, "plan=student")
    right = sum((chance >= 0.5) == row.label for row, chance in zip(usual, models.probabilities(model, usual)))
    said[kind] = {"digests": len(digests), "accuracy": right / len(usual), "inputs": len(signature.inputs),
                  "fails on": sorted({row.features["plan"] for row in live if fails(row)})}
print(json.dumps(said))
"""


def test_the_hotfix_is_as_good_offline_and_fails_on_a_category_it_never_saw(
    in_ml_environment: Callable[..., Any], tmp_path: Path
) -> None:
    trained = write(tmp_path / "trained", customers(1500))
    live = write(tmp_path / "live", customers(400, seed=2))
    made = in_ml_environment(MAKE, trained, live, str(tmp_path / "models"))
    assert made["champion"]["accuracy"] > 0.85
    assert abs(made["hotfix"]["accuracy"] - made["champion"]["accuracy"]) < 0.02
    assert made["champion"]["fails on"] == []
    assert made["hotfix"]["fails on"] == ["student"]
    assert [made[kind]["digests"] for kind in made] == [1, 1]
    assert made["champion"]["inputs"] == 8


CHECK = """
import json, sys
from modelwright_pipelines.lake import snapshot
from modelwright_pipelines.validation import ValidationError, check
said = []
for lake in sys.argv[1:]:
    try:
        checked = check(snapshot(lake))
        said.append([len(checked.rows), {finding.check: finding.severity for finding in checked.findings}])
    except ValidationError as error:
        said.append(str(error))
print(json.dumps(said))
"""


def test_rows_that_no_model_should_see_are_left_out_and_found(
    in_ml_environment: Callable[..., Any], tmp_path: Path
) -> None:
    clean = customers(1000)
    few = customers(1000)
    few[0]["features"]["tenure_months"] = None
    few[1]["features"]["plan"] = ""
    few[2]["label"] = 2
    few[3]["labelTime"] = "2020-01-01T00:00:00Z"
    few[4]["features"]["data_gb"] = 1e12
    many = customers(1000)
    for row in many[:200]:
        row["features"]["data_gb"] = "a lot"
    single = [{**row, "label": 1} for row in customers(1000)]
    hopeless = [{**row, "label": 7} for row in customers(10)]
    lakes = [
        write(tmp_path / str(number), rows) for number, rows in enumerate((clean, few, many[::-1], single, hopeless))
    ]
    said = in_ml_environment(CHECK, *lakes)
    assert said[0] == [1000, {"label rate": "Info", "null rate jump": "Info"}]
    assert said[1][0] == 995
    assert {check.split(":")[0]: severity for check, severity in said[1][1].items()} == {
        "tenure_months": "Warning",
        "plan": "Warning",
        "(label)": "Warning",
        "(label delay)": "Warning",
        "data_gb": "Warning",
        "rows": "Warning",
        "null rate jump": "Info",
        "label rate": "Info",
    }
    assert "Error" in said[2][1].values()
    assert said[3][1]["label rate"] == "Error"
    assert "found none of 10 rows fit to train on" in said[4]


JUDGE = """
import json, pathlib, sys
from datetime import timedelta
from modelwright_pipelines import make_model, model as models
from modelwright_pipelines.digest import digest_folder
from modelwright_pipelines.evaluation import Question, evaluate
from modelwright_pipelines.lake import snapshot
from modelwright_pipelines.split import by_time
rows, folder = snapshot(sys.argv[1]), pathlib.Path(sys.argv[2])
split = by_time(rows, timedelta(seconds=2))
for kind in ("champion", "hotfix"):
    make_model.make(make_model.without_category(split.train, "plan=student"), folder / kind, kind, 0)
def judged(champion, digest):
    question = Question("u", (folder / "champion").as_uri(), champion, digest, "2s", 0)
    document = evaluate(question, split.train, split.evaluate, [])
    errors = [each["message"] for each in document["findings"] if each["severity"] == "Error"]
    return {"champion": document["champion"], "comparisons": sorted(document["comparisons"]), "errors": errors}
good, hotfix = (folder / "champion").as_uri(), (folder / "hotfix").as_uri()
print(json.dumps([judged("", ""), judged(good, digest_folder(folder / "champion")), judged(good, "sha256:0"),
                  judged(hotfix, digest_folder(folder / "hotfix")), judged(folder.as_uri() + "/gone", "sha256:0")]))
"""


def test_a_champion_is_only_compared_with_if_it_is_the_one_named_and_scores_every_row(
    in_ml_environment: Callable[..., Any], tmp_path: Path
) -> None:
    lake = write(tmp_path / "lake", customers(1200))
    none, same, changed, broken, gone = in_ml_environment(JUDGE, lake, str(tmp_path / "models"))
    assert none == {"champion": None, "comparisons": [], "errors": []}
    assert same["champion"]["rescored"] == "Yes"
    assert same["comparisons"] == ["accuracy", "brier", "ece", "f1", "logloss"]
    reasons = {"need the one that serves": changed, "unknown categories": broken, "cannot be read": gone}
    for found, each in reasons.items():
        assert each["champion"]["rescored"] == "No"
        assert each["comparisons"] == []
        assert found in each["errors"][0]
        assert str(tmp_path) not in each["errors"][0]


SOUND = """
import json, pathlib, sys, joblib
from dataclasses import replace
from datetime import timedelta
from modelwright_pipelines import artefact, make_model, model as models, slices, soundness
from modelwright_pipelines.lake import snapshot
from modelwright_pipelines.split import by_time
from modelwright_pipelines.validation import null_rate_jump
rows, folder = snapshot(sys.argv[1]), pathlib.Path(sys.argv[2])
split = by_time(rows, timedelta(seconds=2))
make_model.make(split.train, folder / "good", "champion", 0)
model, signature = models.load(folder / "good")
leaky = [replace(row, features={**row.features, "refund": row.label + 0.1}) for row in split.train]
(folder / "evil").mkdir()
class Evil:
    def __reduce__(self):
        return eval, ("print('ran')",)
joblib.dump(Evil(), folder / "evil" / "model.joblib")
nulls = rows[:-200] + [replace(row, features={**row.features, "plan": None}) for row in rows[-200:]]
ones = [replace(row, label=1) for row in split.evaluate]
other = models.Signature(signature.inputs[1:])
print(json.dumps({
    "clean": [soundness.leakage(split.train, signature.numbers).severity,
              soundness.label_rate_jump(split.train, split.evaluate).severity,
              soundness.robustness(model, split.evaluate, signature.numbers, 0).severity,
              artefact.scan(folder / "good").severity, artefact.signature(signature, signature).severity,
              null_rate_jump(rows).severity],
    "spoiled": [soundness.leakage(leaky, (*signature.numbers, "refund")).severity,
                soundness.label_rate_jump(split.train, ones).severity,
                artefact.scan(folder / "evil").severity, artefact.signature(signature, other).severity,
                null_rate_jump(nulls).severity],
    "scan": artefact.scan(folder / "evil").message,
    "exact": slices.exact_interval(8, 10, 0.95), "level": slices.simultaneous_level(0.95, 4)}))
"""


def test_findings_name_what_cannot_be_trusted_and_nothing_else(
    in_ml_environment: Callable[..., Any], tmp_path: Path
) -> None:
    lake = write(tmp_path / "lake", customers(1200))
    said = in_ml_environment(SOUND, lake, str(tmp_path / "models"))
    assert said["clean"] == ["Info"] * 6
    assert said["spoiled"] == ["Error", "Warning", "Error", "Error", "Error"]
    assert "builtins.eval" in said["scan"], "refused before it ran"
    # Clopper and Pearson's own table, and 1 − 2 · 0.05 / 4.
    assert [round(end, 4) for end in said["exact"]] == [0.4439, 0.9748]
    assert said["level"] == 0.975
