"""The lines that every gate has: the evaluation is this run's, of these files, against this champion, on fair rows."""

from __future__ import annotations

from collections.abc import Callable

from modelwright.api.durations import format_duration
from modelwright.api.gate import WhenNoChampion
from modelwright.api.run import GateLine
from modelwright.api.times import format_time
from modelwright.retraining.plan.gate.given import GateInput, fails, no_data, passes, short

UNSELECTIVE = ("Random", "Exploration")


def run_echo(given: GateInput) -> GateLine:
    """A result that another run left, or an older attempt, is not this run's."""
    if given.evaluation.run_uid == given.run_uid:
        return passes("RunEcho", "the evaluation names this run")
    return fails("RunEcho", "the evaluation names another run; the pipeline must write the run_uid that it was given")


def digest_matches(given: GateInput) -> GateLine:
    stated = given.evaluation.model.digest
    if stated == given.model_digest:
        return passes("DigestMatches", f"the model's files are {short(stated)}")
    return fails("DigestMatches", f"the evaluation says {short(stated)}, the files are {short(given.model_digest)}")


def new_digest(given: GateInput) -> GateLine:
    digest = given.model_digest
    if given.champion and given.champion.model.digest == digest:
        return fails("NewDigest", f"{short(digest)} is the champion itself: the pipeline trained nothing new")
    if digest in given.rejected:
        return fails("NewDigest", f"{short(digest)} was rolled back before: {given.rejected[digest]}")
    return passes("NewDigest", f"{short(digest)} is new")


def new_recipe(given: GateInput) -> GateLine:
    """The same rows, code, parameters and seed once more are the same model, or a second throw of the dice."""
    if not given.recipe:
        return passes("NewRecipe", "the evaluation states no recipe")
    if given.recipe in given.rejected_recipes:
        message = f"recipe {short(given.recipe)} was rejected before: {given.rejected_recipes[given.recipe]}"
        return fails("NewRecipe", message)
    return passes("NewRecipe", f"{short(given.recipe)} is new")


def champion_unchanged(given: GateInput) -> GateLine:
    judged = given.evaluation.champion
    if given.champion is None:
        if judged is None:
            return _without_champion(given)
        return fails("ChampionUnchanged", f"judged against {short(judged.digest)}, which serves no longer")
    serving = given.champion.model
    if not serving.digest:
        message = f"the digest of the champion {serving.version} is unknown; state it where its model is named"
        return no_data("ChampionUnchanged", message)
    if judged is None:
        return fails("ChampionUnchanged", f"not judged against the champion {serving.version}")
    if judged.digest != serving.digest:
        message = f"judged against {short(judged.digest)}, by now {short(serving.digest)} serves"
        return fails("ChampionUnchanged", message)
    if not judged.rescored:
        return fails("ChampionUnchanged", "the champion was not scored again on the same rows")
    return passes("ChampionUnchanged", f"judged against {short(judged.digest)}, still serving")


def scores_champion(given: GateInput) -> GateLine:
    """Metrics of an evaluation that trains nothing are the champion's own."""
    stated = given.evaluation.model.digest
    if given.champion and stated == given.champion.model.digest:
        return passes("ScoresChampion", f"the metrics are those of {short(stated)}")
    return fails("ScoresChampion", f"the metrics are those of {short(stated)}, which is not the champion")


def _without_champion(given: GateInput) -> GateLine:
    """The first model: nothing to compare with, so its floors decide, or a person."""
    floor_only = given.gate.when_no_champion is WhenNoChampion.FLOOR_ONLY
    if floor_only and given.gate.checks and not any(check.bounds or check.slices for check in given.gate.checks):
        message = "no champion serves and no check has a floor: declare one, or whenNoChampion: RequireApproval"
        return no_data("ChampionUnchanged", message)
    return passes("ChampionUnchanged", "no champion serves: judged without one")


def rows_are_later(given: GateInput) -> GateLine:
    train, evaluate = given.evaluation.train, given.evaluation.evaluate
    earliest = train.end + evaluate.label_horizon
    message = (
        f"evaluation rows begin at {format_time(evaluate.rows.start)}; training rows end at {format_time(train.end)}, "
        f"their labels {format_duration(evaluate.label_horizon)} later"
    )
    return (passes if evaluate.rows.start >= earliest else fails)("RowsAreLater", message)


def rows_disjoint(given: GateInput) -> GateLine:
    evaluation = given.evaluation
    if evaluation.train.digest == evaluation.evaluate.rows.digest:
        return fails("RowsDisjoint", "trained and evaluated on the very same rows")
    message = f"{evaluation.overlap_rows} rows and {evaluation.overlap_entities} entities in common"
    common = evaluation.overlap_rows or evaluation.overlap_entities
    return (fails if common else passes)("RowsDisjoint", message)


def sampling(given: GateInput) -> GateLine:
    found = given.evaluation.evaluate.sampling
    if found in UNSELECTIVE:
        return passes("Sampling", f"{given.evaluation.evaluate.n} rows, sampling {found}")
    return fails("Sampling", f"sampling is {found}, which selects rows; needed: {' or '.join(UNSELECTIVE)}")


BUILT_IN: tuple[Callable[[GateInput], GateLine], ...] = (
    run_echo,
    digest_matches,
    new_digest,
    new_recipe,
    champion_unchanged,
    rows_are_later,
    rows_disjoint,
    sampling,
)

OF_CHAMPION: tuple[Callable[[GateInput], GateLine], ...] = (
    run_echo,
    scores_champion,
    champion_unchanged,
    rows_are_later,
    rows_disjoint,
    sampling,
)
"""Of an evaluation that trains nothing."""
