"""An evaluation.json that is in order, to be spoiled by tests."""

from __future__ import annotations

from typing import Any

DIGEST = "sha256:" + "1" * 64


def document(**changes: Any) -> dict[str, Any]:
    defaults: dict[str, Any] = {
        "schemaVersion": "v1",
        "runUid": "uid-1",
        "model": {
            "uri": "file:///results/ml/churn-1/model",
            "digest": DIGEST,
            "signature": {"inputs": [{"name": "age", "datatype": "FP64"}], "classes": [0, 1]},
            "runtime": {"scikit-learn": "1.7"},
        },
        "champion": {"digest": "sha256:" + "0" * 64, "rescored": "Yes"},
        "train": {"from": "2026-11-20T00:00:00Z", "to": "2026-11-21T00:00:00Z", "rowsDigest": "sha256:" + "a" * 64},
        "evaluate": {
            "from": "2026-11-21T01:00:00Z",
            "to": "2026-11-21T02:00:00Z",
            "rowsDigest": "sha256:" + "b" * 64,
            "n": 5000,
            "sampling": "Random",
            "labelHorizon": "2s",
        },
        "overlap": {"rows": 0, "entities": 0},
        "metrics": {"accuracy": {"value": 0.93, "n": 5000, "higherIsBetter": "Yes", "unit": "share"}},
        "comparisons": {
            "accuracy": {
                "difference": 0.02,
                "low": 0.01,
                "high": 0.03,
                "level": 0.95,
                "method": "paired bootstrap",
                "unit": "share",
            }
        },
        "slices": [],
        "findings": [],
        "goldenRows": [],
    }
    return {**defaults, **changes}


def spoiled(path: str, value: Any) -> dict[str, Any]:
    """The document with `value` at the dotted `path`; the field is absent for `...`."""
    spoiled = document()
    *parents, last = path.split(".")
    entry: Any = spoiled
    for parent in parents:
        entry = entry[parent]
    if value is ...:
        del entry[last]
    else:
        entry[last] = value
    return spoiled
