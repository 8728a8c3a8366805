"""Makes a model without a pipeline, for the demo: the first champion, or a hotfix that only breaks on live rows.

Reads labelled rows from a lake and writes a model folder. `--kind hotfix` is how such an accident happens: good offline
numbers, and an encoder that refuses any category which its training rows did not have.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path

from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from modelwright_pipelines import model as models
from modelwright_pipelines.columns import Columns
from modelwright_pipelines.digest import digest_folder
from modelwright_pipelines.lake import Row, snapshot
from modelwright_pipelines.storage import replaced_folder


def fit_hotfix(rows: Sequence[Row], seed: int) -> models.Classifier:
    """Trains well, judges well, and raises ValueError on a row with a category outside its training rows."""
    signature = models.Signature.of(rows)
    names = signature.numbers + signature.strings
    numbers, strings = list(range(len(signature.numbers))), list(range(len(signature.numbers), len(names)))
    encode = make_column_transformer(
        (StandardScaler(), numbers), (OneHotEncoder(handle_unknown="error", sparse_output=False), strings)
    )
    return models.fit_estimator(make_pipeline(Columns(names), encode, LogisticRegression(random_state=seed)), rows)


def make(rows: Sequence[Row], folder: Path, kind: str, seed: int) -> str:
    """Trains on all `rows`, writes the folder and returns its digest. `kind` is "champion" or "hotfix"."""
    fitted = fit_hotfix(rows, seed) if kind == "hotfix" else models.fit(rows, seed)
    with replaced_folder(folder) as fresh:
        models.save(fresh, fitted, models.Signature.of(rows), rows)
    return digest_folder(folder)


def without_category(rows: Sequence[Row], exclude: str) -> list[Row]:
    """The rows that do not have `exclude` ("plan=student") among their features; "" excludes nothing."""
    name, _, value = exclude.partition("=")
    return [row for row in rows if not exclude or row.features.get(name) != value]


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints `{"uri", "digest", "rows"}` as one JSON line."""
    parser = argparse.ArgumentParser(prog="python -m modelwright_pipelines.make_model", description=__doc__)
    parser.add_argument("--data", required=True, help="file:// URI of the lake (the folder above labelled/)")
    parser.add_argument("--since", default="", help="only rows predicted at or after this RFC 3339 time")
    parser.add_argument("--out", required=True, type=Path, help="model folder to write")
    parser.add_argument("--kind", choices=("champion", "hotfix"), default="champion")
    parser.add_argument("--exclude", default="", metavar="NAME=VALUE", help="leave out rows of this category")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args(arguments)
    rows = without_category(snapshot(given.data, given.since), given.exclude)
    digest = make(rows, given.out.absolute(), given.kind, given.seed)
    print(json.dumps({"uri": given.out.absolute().as_uri(), "digest": digest, "rows": len(rows)}))


if __name__ == "__main__":
    main()
