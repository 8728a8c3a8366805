"""A recipe that was rejected is not run again: what is known before the run would make the same model."""

from __future__ import annotations

from modelwright.retraining.plan.limits.situation import Hold, Situation


def rejected_recipe(situation: Situation) -> Hold | None:
    """As often as the gate judges on the same data: another seed may do better. Nothing where no trigger tells which
    data there are."""
    known = [each for each in situation.rejected if each.planned_recipe]
    if not known or situation.planned_recipe == "":
        return None
    if situation.planned_recipe is None:
        message = "whether data or pipeline have changed since the last rejection is not known now"
        return Hold("RecipeRejected", message)
    same = [each for each in known if each.planned_recipe == situation.planned_recipe]
    if len(same) < situation.policy.spec.gate.attempts_per_data:
        return None
    message = f"the same pipeline, parameters and data led to {same[0].retrain_run}, which was rejected"
    return Hold("RecipeRejected", f"{message}; triggers wait for other data or an edit of the pipeline")
