"""Loading a model: first its folder is checked against the digest, because loading a model runs its code."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from modelwright_playground.modelserver.settings import ServerRefused

if TYPE_CHECKING:
    from modelwright_pipelines.reference import Reference

DATATYPES = ("FP64", "BYTES")

Row = dict[str, float | str]


@dataclass(frozen=True)
class Prediction:
    """`probability` is that of the highest class (with two classes: of the positive one), not that of `label`."""

    label: int
    probability: float


@dataclass(frozen=True)
class Model:
    """A loaded model: its input columns with their datatypes, its classes, and its estimator's predict_proba.

    `reference` is what its training rows looked like, where the folder says so.
    """

    inputs: dict[str, str]
    classes: tuple[int, ...]
    probabilities: Callable[[Sequence[Row]], Any]
    reference: "Reference | None" = None

    def predict(self, rows: Sequence[Row]) -> list[Prediction]:
        """One prediction per row; whatever the estimator raises is passed on."""
        return [
            Prediction(self.classes[max(range(len(each)), key=each.__getitem__)], each[-1])
            for each in self.probabilities(rows).tolist()
        ]


def load(folder: Path, digest: str, digest_folder: Callable[[Path], str]) -> Model:
    """Load `model.joblib` and `signature.json` of a folder whose digest is `digest` ("" = any).

    The estimator takes a list of dictionaries (a Pipeline that begins with a DictVectorizer). Raises ServerRefused.
    """
    if not folder.is_dir():
        raise ServerRefused("MODEL_URI: there is no folder; one with model.joblib and signature.json is needed")
    for name in ("model.joblib", "signature.json"):
        if not (folder / name).is_file():
            raise ServerRefused(f"MODEL_URI: the folder has no {name}; model.joblib and signature.json are needed")
    if digest:
        _check(folder, digest, digest_folder)
    inputs = _inputs(folder / "signature.json")
    reference = _reference(folder / "reference.json", inputs)
    estimator = _estimator(folder / "model.joblib")
    classes = getattr(estimator, "classes_", ())
    if not hasattr(estimator, "predict_proba") or len(classes) < 2:
        raise ServerRefused("model.joblib: a fitted classifier with predict_proba and two classes or more is needed")
    try:
        return Model(inputs, tuple(int(each) for each in classes), estimator.predict_proba, reference)
    except (TypeError, ValueError):
        raise ServerRefused("model.joblib: its classes are not integers; integer labels are needed") from None


def _check(folder: Path, digest: str, digest_folder: Callable[[Path], str]) -> None:
    try:
        found = digest_folder(folder)
    except (OSError, ValueError) as error:
        raise ServerRefused(f"the model at MODEL_URI has no digest ({error}); {digest} is needed") from None
    if found != digest:
        raise ServerRefused(f"the model at MODEL_URI is not the one of MODEL_DIGEST: found {found}, needed {digest}")


def _inputs(path: Path) -> dict[str, str]:
    try:
        columns = json.loads(path.read_text(encoding="utf-8"))["inputs"]
        inputs = {str(column["name"]): str(column["datatype"]) for column in columns}
    except (OSError, ValueError, KeyError, TypeError):
        raise ServerRefused('signature.json: {"inputs": [{"name": ..., "datatype": ...}, ...]} is needed') from None
    unknown = sorted(set(inputs.values()) - set(DATATYPES))
    if unknown or not inputs:
        raise ServerRefused(f"signature.json: datatypes {unknown}; inputs of {' or '.join(DATATYPES)} are needed")
    return inputs


def _reference(path: Path, inputs: dict[str, str]) -> "Reference | None":
    # Only here: the tests of requests have no pipelines.
    from modelwright_pipelines.reference import load as load_reference

    try:
        reference = load_reference(path)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise ServerRefused("reference.json: bins and counts for each input are needed, or no such file") from None
    if unknown := sorted(set(reference or ()) - set(inputs)):
        raise ServerRefused(f"reference.json: features {unknown}; none but the inputs of signature.json are needed")
    return reference


def _estimator(path: Path) -> Any:
    # Only here, so that the server listens (not ready) while the libraries are read from disk.
    import joblib

    try:
        return joblib.load(path)
    except Exception as error:  # unpickling runs the model's own code: it may raise anything
        raise ServerRefused(f"model.joblib cannot be loaded ({type(error).__name__}: {error})") from error
