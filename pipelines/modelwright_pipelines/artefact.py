"""The model as an artefact: what is in its files, whether it takes what the champion takes, its size and its speed."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from joblib.numpy_pickle import NumpyUnpickler

from modelwright_pipelines import model as models
from modelwright_pipelines.lake import Row
from modelwright_pipelines.validation import Finding

TRUSTED = ("sklearn", "numpy", "scipy", "joblib", "modelwright_pipelines", "collections", "_codecs", "copyreg")
HARMLESS = {("builtins", name) for name in ("list", "dict", "set", "tuple", "int", "float", "str", "bytes", "slice")}
TIMED = 100


class _Distrusted(Exception):
    pass


class _Scan(NumpyUnpickler):  # type: ignore[misc]
    """Loads only what is trusted: what a pickle names is code, and is refused before it runs."""

    def find_class(self, module: str, name: str) -> Any:
        if module.split(".")[0] not in TRUSTED and (module, name) not in HARMLESS:
            raise _Distrusted(f"{module}.{name}")
        return super().find_class(module, name)


def scan(folder: Path) -> Finding:
    """Whether the model's pickle names anything that a model has no business to name."""
    file = folder / "model.joblib"
    try:
        with file.open("rb") as stream:
            _Scan(str(file), stream, ensure_native_byte_order=False).load()
    except _Distrusted as error:
        return Finding("scan", "Error", f"model.joblib names {error}, which is none of {', '.join(TRUSTED)}")
    return Finding("scan", "Info", "model.joblib names nothing but trusted packages")


def signature(candidate: models.Signature, champion: models.Signature | None) -> Finding:
    """Callers send what the champion takes: a model with other inputs breaks them."""
    if champion is None or candidate == champion:
        return Finding("signature", "Info", f"{len(candidate.inputs)} inputs, as the champion" if champion else "new")
    ours, theirs = ({each.name for each in side.inputs} for side in (candidate, champion))
    changed = ", ".join(sorted(ours ^ theirs)) or "datatypes or classes"
    return Finding("signature", "Error", f"differs from the champion's: {changed}")


def measured(folder: Path, model: models.Classifier, rows: Sequence[Row]) -> dict[str, dict[str, Any]]:
    """Size on disk, and the 95th percentile of a single prediction's time, as metrics."""
    size = sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
    times = sorted(_seconds(model, row) for row in rows[:TIMED])
    return {
        "size": {"value": size, "n": 1, "higherIsBetter": "No", "unit": "bytes"},
        "latency": {
            "value": times[int(0.95 * (len(times) - 1))],
            "n": len(times),
            "higherIsBetter": "No",
            "unit": "seconds",
        },
    }


def _seconds(model: models.Classifier, row: Row) -> float:
    begun = time.perf_counter()
    models.probabilities(model, [row])
    return time.perf_counter() - begun
