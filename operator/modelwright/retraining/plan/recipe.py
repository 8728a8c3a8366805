"""The digest of a recipe: data snapshot, code, parameters and seed, under which an attempt is rejected for good."""

from __future__ import annotations

import hashlib
import json

from modelwright.kubeflow.evaluation import Evaluation


def recipe_digest(evaluation: Evaluation) -> str:
    """`sha256:…` over what the model was made with, "" where the pipeline did not say."""
    recipe = evaluation.recipe
    if recipe is None:
        return ""
    made_with = [evaluation.train.digest, recipe.code, recipe.parameters, recipe.seed]
    return f"sha256:{hashlib.sha256(json.dumps(made_with).encode()).hexdigest()}"
