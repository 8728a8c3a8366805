"""The example model: what it is made of, how it is saved, and what it promises (signature, golden rows).

A model folder holds `model.joblib` (a scikit-learn pipeline whose input is a list of rows, each name → value),
`signature.json` (inputs with their datatypes, classes, versions of what it needs), `golden.json` (rows with the
predictions that any server must reproduce), `training.json` (the time of its newest training row) and `reference.json`
(what its training rows looked like).
"""

from __future__ import annotations

import json
import platform
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import joblib
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from modelwright_pipelines.lake import Row
from modelwright_pipelines.reference import reference, to_json
from modelwright_pipelines.storage import write_json

RUNTIME_PACKAGES = ("scikit-learn", "numpy", "joblib")
GOLDEN_TOLERANCE = 1e-9
_EXPECTED = {"model.joblib", "signature.json", "golden.json"}

Features = Mapping[str, Any]


class ModelError(Exception):
    """A model folder is not what it claims to be: the message says what was found and what is needed."""


class Classifier(Protocol):
    """What the steps need of a fitted scikit-learn classifier over rows."""

    def predict_proba(self, rows: Sequence[Features]) -> Any:
        """An array of shape (rows, classes)."""


@dataclass(frozen=True)
class Input:
    """One feature that the model reads; `datatype` is the Open Inference Protocol's FP64 (a number) or BYTES (text)."""

    name: str
    datatype: str


@dataclass(frozen=True)
class Signature:
    """What goes in, and which classes come out; `predict_proba` has one column per class, in this order."""

    inputs: tuple[Input, ...]
    classes: tuple[int, ...] = (0, 1)

    @staticmethod
    def of(rows: Iterable[Row]) -> Signature:
        """The signature of these rows' features, by name; a feature is a number only where all its values are."""
        numeric: dict[str, bool] = {}
        for row in rows:
            for name, value in row.features.items():
                is_number = isinstance(value, int | float) and not isinstance(value, bool)
                numeric[name] = numeric.get(name, True) and is_number
        return Signature(tuple(Input(name, "FP64" if numeric[name] else "BYTES") for name in sorted(numeric)))

    @property
    def numbers(self) -> tuple[str, ...]:
        """Names of the numeric inputs."""
        return tuple(each.name for each in self.inputs if each.datatype == "FP64")

    @property
    def strings(self) -> tuple[str, ...]:
        """Names of the categorical inputs."""
        return tuple(each.name for each in self.inputs if each.datatype == "BYTES")

    def to_json(self) -> dict[str, Any]:
        """As `signature.json` and the evaluation hold it."""
        inputs = [{"name": each.name, "datatype": each.datatype} for each in self.inputs]
        return {"inputs": inputs, "classes": list(self.classes)}


def runtime() -> dict[str, str]:
    """The versions that a server needs to load this model: Python and the packages behind the pickle."""
    return {"python": platform.python_version(), **{name: version(name) for name in RUNTIME_PACKAGES}}


def fit(rows: Sequence[Row], seed: int) -> Classifier:
    """A linear classifier: predicts a single row in well under a millisecond, and ignores categories it never saw."""
    return fit_estimator(
        make_pipeline(DictVectorizer(sparse=False), StandardScaler(), LogisticRegression(random_state=seed)), rows
    )


def fit_estimator(estimator: Any, rows: Sequence[Row]) -> Classifier:
    """Fits any scikit-learn pipeline over rows; ModelError unless the labels have both classes."""
    labels = [row.label for row in rows]
    if (found := set(labels)) != {0, 1}:
        raise ModelError(f"found the labels {sorted(map(str, found))} in {len(rows)} training rows, need both 0 and 1")
    fitted: Classifier = estimator.fit([row.features for row in rows], labels)
    return fitted


def probabilities(model: Classifier, rows: Sequence[Row]) -> Any:
    """The probability of class 1 for each row, as a NumPy array."""
    return model.predict_proba([row.features for row in rows])[:, 1]


def golden_rows(model: Classifier, rows: Sequence[Row]) -> list[dict[str, Any]]:
    """Rows with what this model says of them, to be compared with what a server says."""
    return [
        {"inputs": dict(row.features), "prediction": {"class": int(chance >= 0.5), "probability": float(chance)}}
        for row, chance in zip(rows, probabilities(model, rows), strict=True)
    ]


def save(folder: Path, model: Classifier, signature: Signature, rows: Sequence[Row], golden: int = 5) -> None:
    """Writes a model folder; the same model gives the same bytes, hence the same digest. `rows` trained it, sorted by
    time; the newest of them are golden."""
    folder.mkdir(parents=True, exist_ok=True)
    joblib.dump(model, folder / "model.joblib")
    write_json(folder / "signature.json", {**signature.to_json(), "runtime": runtime()})
    write_json(folder / "golden.json", golden_rows(model, rows[-golden:]))
    known = reference([row.features for row in rows], signature.numbers, signature.strings)
    write_json(folder / "reference.json", to_json(known))
    write_json(folder / "training.json", {"to": rows[-1].time.isoformat()})


def trained_until(folder: Path) -> datetime:
    """The time of the newest row that a saved model was trained on. ModelError if it does not say."""
    try:
        stated = json.loads((folder / "training.json").read_text(encoding="utf-8"))
        return datetime.fromisoformat(stated["to"])
    except (OSError, ValueError, KeyError, TypeError):
        raise ModelError(
            "found no training.json with the time `to` in the model's folder, need it to judge it again"
        ) from None


def load(folder: Path) -> tuple[Classifier, Signature]:
    """The model and its signature, or ModelError. Unpickling runs code: verify the folder's digest before."""
    found = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    if not found >= _EXPECTED:
        raise ModelError(f"found {sorted(found) or 'nothing'} in the model's folder, need {sorted(_EXPECTED)}")
    stated = json.loads((folder / "signature.json").read_text(encoding="utf-8"))
    inputs = tuple(Input(each["name"], each["datatype"]) for each in stated["inputs"])
    return joblib.load(folder / "model.joblib"), Signature(inputs, tuple(stated["classes"]))


def reproduced_golden(folder: Path, model: Classifier) -> list[dict[str, Any]]:
    """The golden rows of a saved model, after checking that the model still says the same; ModelError otherwise."""
    golden: list[dict[str, Any]] = json.loads((folder / "golden.json").read_text(encoding="utf-8"))
    said = model.predict_proba([each["inputs"] for each in golden])[:, 1]
    for number, (each, chance) in enumerate(zip(golden, said, strict=True)):
        stated = each["prediction"]["probability"]
        if abs(stated - float(chance)) > GOLDEN_TOLERANCE:
            raise ModelError(f"golden row {number} says {stated:.9f}, the loaded model {chance:.9f}: they must agree")
    return golden
