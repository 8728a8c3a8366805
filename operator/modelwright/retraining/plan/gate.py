"""The gate: a readable list of named checks, each with verdict and numbers. What is missing never passes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from modelwright.analysis.threshold import bounds_text
from modelwright.analysis.verdict import Verdict
from modelwright.api.durations import format_duration
from modelwright.api.policy import Champion, Check
from modelwright.api.run import GateLine
from modelwright.api.times import format_time
from modelwright.kubeflow.evaluation import Comparison, Evaluation, MetricResult

UNSELECTIVE = ("Random", "Exploration")


@dataclass(frozen=True)
class GateInput:
    """`model_digest` is what we computed over the model's files. `rejected` maps digests that a rollout took back
    to the reason."""

    run_uid: str
    evaluation: Evaluation
    model_digest: str
    champion: Champion | None
    rejected: Mapping[str, str]
    checks: tuple[Check, ...]


def judge(given: GateInput) -> tuple[GateLine, ...]:
    """All lines, the built-in ones first. The model passes iff every line passes."""
    own = [check_line(check, given) for check in given.checks] or [not_clearly_worse(given)]
    return (*(line(given) for line in BUILT_IN), *own)


def passed(lines: tuple[GateLine, ...]) -> bool:
    return bool(lines) and all(line.verdict == Verdict.PASS for line in lines)


def run_echo(given: GateInput) -> GateLine:
    """A result that another run left, or an older attempt, is not this run's."""
    if given.evaluation.run_uid == given.run_uid:
        return _pass("RunEcho", "the evaluation names this run")
    return _fail("RunEcho", "the evaluation names another run; the pipeline must write the run_uid that it was given")


def digest_matches(given: GateInput) -> GateLine:
    stated = given.evaluation.model.digest
    if stated == given.model_digest:
        return _pass("DigestMatches", f"the model's files are {_short(stated)}")
    return _fail("DigestMatches", f"the evaluation says {_short(stated)}, the files are {_short(given.model_digest)}")


def new_digest(given: GateInput) -> GateLine:
    digest = given.model_digest
    if given.champion and given.champion.model.digest == digest:
        return _fail("NewDigest", f"{_short(digest)} is the champion itself: the pipeline trained nothing new")
    if digest in given.rejected:
        return _fail("NewDigest", f"{_short(digest)} was rolled back before: {given.rejected[digest]}")
    return _pass("NewDigest", f"{_short(digest)} is new")


def champion_unchanged(given: GateInput) -> GateLine:
    judged = given.evaluation.champion
    if given.champion is None:
        if judged is None:
            return _pass("ChampionUnchanged", "no champion serves: judged without one")
        return _fail("ChampionUnchanged", f"judged against {_short(judged.digest)}, which serves no longer")
    serving = given.champion.model
    if not serving.digest:
        message = f"the digest of the champion {serving.version} is unknown; state it where its model is named"
        return GateLine("ChampionUnchanged", Verdict.NO_DATA, message)
    if judged is None:
        return _fail("ChampionUnchanged", f"not judged against the champion {serving.version}")
    if judged.digest != serving.digest:
        message = f"judged against {_short(judged.digest)}, by now {_short(serving.digest)} serves"
        return _fail("ChampionUnchanged", message)
    if not judged.rescored:
        return _fail("ChampionUnchanged", "the champion was not scored again on the same rows")
    return _pass("ChampionUnchanged", f"judged against {_short(judged.digest)}, still serving")


def rows_are_later(given: GateInput) -> GateLine:
    train, evaluate = given.evaluation.train, given.evaluation.evaluate
    earliest = train.end + evaluate.label_horizon
    message = (
        f"evaluation rows begin at {format_time(evaluate.rows.start)}; training rows end at {format_time(train.end)}, "
        f"their labels {format_duration(evaluate.label_horizon)} later"
    )
    return (_pass if evaluate.rows.start >= earliest else _fail)("RowsAreLater", message)


def rows_disjoint(given: GateInput) -> GateLine:
    evaluation = given.evaluation
    if evaluation.train.digest == evaluation.evaluate.rows.digest:
        return _fail("RowsDisjoint", "trained and evaluated on the very same rows")
    message = f"{evaluation.overlap_rows} rows and {evaluation.overlap_entities} entities in common"
    common = evaluation.overlap_rows or evaluation.overlap_entities
    return (_fail if common else _pass)("RowsDisjoint", message)


def sampling(given: GateInput) -> GateLine:
    found = given.evaluation.evaluate.sampling
    if found in UNSELECTIVE:
        return _pass("Sampling", f"{given.evaluation.evaluate.n} rows, sampling {found}")
    return _fail("Sampling", f"sampling is {found}, which selects rows; needed: {' or '.join(UNSELECTIVE)}")


BUILT_IN: tuple[Callable[[GateInput], GateLine], ...] = (
    run_echo,
    digest_matches,
    new_digest,
    champion_unchanged,
    rows_are_later,
    rows_disjoint,
    sampling,
)


def check_line(check: Check, given: GateInput) -> GateLine:
    """One check that the policy declares."""
    metric = given.evaluation.metrics.get(check.metric)
    if metric is None:
        known = ", ".join(sorted(given.evaluation.metrics)[:20]) or "none"
        return GateLine(check.name, Verdict.NO_DATA, f"no metric {check.metric} in the evaluation, which has {known}")
    if metric.n < 1:
        return GateLine(check.name, Verdict.NO_DATA, f"{check.metric} comes from 0 rows")
    if check.bounds is not None:
        return _bounds_line(check, metric)
    return _champion_line(check, metric, given)


def not_clearly_worse(given: GateInput) -> GateLine:
    """Stands in where a policy declares no checks: no compared metric may be worse beyond its interval."""
    name = "NotClearlyWorse"
    if given.champion is None:
        return _pass(name, "no champion serves, and the policy declares no checks")
    compared = {
        metric: comparison
        for metric, comparison in given.evaluation.comparisons.items()
        if metric in given.evaluation.metrics
    }
    if not compared:
        return GateLine(name, Verdict.NO_DATA, "the evaluation compares no metric with the champion")
    worse = [
        f"{metric} {_interval(comparison)}"
        for metric, comparison in sorted(compared.items())
        if (comparison.high < 0 if given.evaluation.metrics[metric].higher_is_better else comparison.low > 0)
    ]
    if worse:
        return _fail(name, "worse than the champion: " + ", ".join(worse))
    return _pass(name, ", ".join(f"{metric} {_interval(found)}" for metric, found in sorted(compared.items())[:5]))


def _bounds_line(check: Check, metric: MetricResult) -> GateLine:
    bounds, value = check.bounds, _decimal(metric.value)
    assert bounds is not None
    too_low = bounds.min is not None and value < bounds.min
    too_high = bounds.max is not None and value > bounds.max
    # Six digits: a value that is just below its bound must not read as if it met it.
    message = f"{check.metric} {value:.6g} on {metric.n} rows, needed {bounds_text(bounds)}"
    return (_fail if too_low or too_high else _pass)(check.name, message)


def _champion_line(check: Check, metric: MetricResult, given: GateInput) -> GateLine:
    if given.champion is None:
        return _pass(check.name, "no champion serves: nothing to compare with")
    comparison = given.evaluation.comparisons.get(check.metric)
    if comparison is None or check.champion_max_decrease is None:
        message = f"the evaluation does not compare {check.metric} with the champion"
        return GateLine(check.name, Verdict.NO_DATA, message)
    # `level` is what the whole interval covers; the end that decides here is surer than that.
    confidence = (1 + _decimal(comparison.level)) / 2
    if confidence < check.confidence:
        message = f"compared at one-sided confidence {confidence:f}, needed {check.confidence:f}"
        return GateLine(check.name, Verdict.NO_DATA, message)
    # A decrease is one of quality: where less is better, it is the metric's increase.
    worst = -_decimal(comparison.low) if metric.higher_is_better else _decimal(comparison.high)
    message = f"{check.metric} {_interval(comparison)}, may lose at most {check.champion_max_decrease:f}"
    return (_pass if worst <= check.champion_max_decrease else _fail)(check.name, message)


def _interval(found: Comparison) -> str:
    return f"{_signed(found.difference)} [{_signed(found.low)}, {_signed(found.high)}]"


def _signed(value: float) -> str:
    return f"{value:+.4g}".replace("-", "−")


def _decimal(value: float) -> Decimal:
    # The shortest decimal that reads back equal: 0.9 meets a floor of "0.90", which its binary expansion may not.
    return Decimal(repr(value))


def _short(digest: str) -> str:
    return digest[:19]


def _pass(check: str, message: str) -> GateLine:
    return GateLine(check, Verdict.PASS, message)


def _fail(check: str, message: str) -> GateLine:
    return GateLine(check, Verdict.FAIL, message)
