"""Run by the ML environment: trains a small real model on the concept `before` and writes it as a model folder."""

import json
from pathlib import Path

import joblib
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from modelwright_playground.world import CATEGORY, COLUMNS, World


def known_plans(rows: list[dict[str, float | str]], refused: str) -> list[dict[str, float | str]]:
    """What a strict encoder does with a category that it has not seen."""
    if any(row[CATEGORY] == refused for row in rows):
        raise ValueError(f"found an unknown plan: {refused}")
    return rows


def write(folder: str, refused: str) -> None:
    """A model that raises for the plan `refused` ("" = for none)."""
    customers = list(World("tiny", new_plan_share=0.0).customers(1000, "before"))
    model = Pipeline(
        [
            ("plans", FunctionTransformer(known_plans, kw_args={"refused": refused})),
            ("columns", DictVectorizer(sparse=False)),
            ("scale", StandardScaler()),
            ("churn", LogisticRegression(max_iter=500)),
        ]
    )
    model.fit([customer.features for customer in customers], [customer.label for customer in customers])
    path = Path(folder)
    path.mkdir(parents=True)
    joblib.dump(model, path / "model.joblib")
    inputs = [{"name": name, "datatype": "BYTES" if name == CATEGORY else "FP64"} for name in COLUMNS]
    (path / "signature.json").write_text(json.dumps({"inputs": inputs}))
