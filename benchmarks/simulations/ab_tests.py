"""Whole A/B tests: how often identical models are promoted, how often better ones, and what counting requests does."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import product
from math import comb

import numpy as np
from benchmarks.simulations.tables import Table, percent
from benchmarks.simulations.vectorised import Evidences, Flags, Floats, Ints, bound

from modelwright.analysis.alpha import allocate
from modelwright.analysis.margin import max_decrease

ERROR_RATE = 0.05
# A goal and one guardrail, in the one step of a test and in the bake time after it.
ALPHA = allocate(Decimal("0.05"), deciding_guardrails=2, planned=2)
DAYS, BLOCKS_A_DAY, LOOKS_A_DAY = 14, 288, 4
BASE, HARM, SESSIONS = 0.05, Decimal("0.01"), 60_000
MODELS = {
    "identical": 0.0,
    "+0.25 points": 0.0025,
    "+0.5 points": 0.005,
    "+1 point": 0.01,
    "−0.5 points": -0.005,
    "−2 points": -0.02,
}


@dataclass(frozen=True)
class Outcome:
    """The day on which each test was decided that way; infinity where it was not."""

    improved: Floats
    harmful: Floats
    futile: Floats

    def __getitem__(self, tests: slice) -> Outcome:
        return Outcome(self.improved[tests], self.harmful[tests], self.futile[tests])

    @property
    def decided(self) -> Floats:
        return np.minimum(np.minimum(self.improved, self.harmful), self.futile)


def share_of(days: Floats) -> float:
    return float(np.mean(np.isfinite(days)))


def outcomes(
    stable: Ints, stable_events: Ints, candidate: Ints, candidate_events: Ints, *, stop_if_futile: bool = True
) -> tuple[Outcome, Outcome]:
    """Judge counts [test, block] as the operator does, deciding at any moment and at the end of weeks only.

    Harm is looked for in every block, and the rest four times a day: looking less often only costs time.
    """
    tests, blocks = stable.shape
    evidence = Evidences(tests, max_decrease(HARM))
    both = [_Open(tests) for _ in range(2)]
    for block in range(blocks):
        of_stable, of_candidate = stable[:, block], candidate[:, block]
        evidence.add(
            of_stable, of_stable - stable_events[:, block], of_candidate, of_candidate - candidate_events[:, block]
        )
        day = (block + 1) / BLOCKS_A_DAY
        harmful = evidence.fails(ALPHA.fail)
        for one in both:
            one.end("harmful", harmful, day)
        if day < 1 or (day * LOOKS_A_DAY) % 1:
            continue
        improved, futile = _decided(evidence, growth=blocks / (block + 1))
        for one in both if day % 7 == 0 else both[:1]:
            one.end("improved", improved, day)
            if stop_if_futile:
                one.end("futile", futile, day)
    return both[0].outcome(), both[1].outcome()


class _Open:
    """Which tests are still open, and when the others ended."""

    def __init__(self, tests: int) -> None:
        self._is_open = np.ones(tests, dtype=np.bool_)
        self._found = {name: np.full(tests, np.inf) for name in ("improved", "harmful", "futile")}

    def end(self, how: str, which: Flags, day: float) -> None:
        which = which & self._is_open
        self._found[how][which] = day
        self._is_open &= ~which

    def outcome(self) -> Outcome:
        return Outcome(**self._found)


def _decided(evidence: Evidences, growth: float) -> tuple[Flags, Flags]:
    """goal.judge_goal for all tests at once, with an increase of more than 0 as what is wanted."""
    dispersion = np.maximum(
        evidence.of_stable.factor(evidence.stable_bad, evidence.stable),
        evidence.of_candidate.factor(evidence.candidate_bad, evidence.candidate),
    )
    arms = ((evidence.stable_bad, evidence.stable), (evidence.candidate_bad, evidence.candidate))
    lows, highs = (
        [bound(bad, count, ALPHA.pass_ / 2, dispersion, upper=upper) for bad, count in arms] for upper in (False, True)
    )
    # What is counted is what is bad: better is less of it.
    low, high = lows[0] - highs[1], highs[0] - lows[1]
    seen = evidence.stable_bad / evidence.stable - evidence.candidate_bad / evidence.candidate
    at_best = (seen + (growth - 1) * high) / growth
    return low > 0, (high <= 0) | (at_best - (seen - low) / np.sqrt(growth) <= 0)


def _users(rng: np.random.Generator, tests: int, per_day: int, share: float, p: float) -> tuple[Ints, Ints]:
    totals: Ints = rng.poisson(per_day * share / BLOCKS_A_DAY, (tests, DAYS * BLOCKS_A_DAY))
    return totals, rng.binomial(totals, p)


def _stacked(many: Sequence[Sequence[Ints]]) -> list[Ints]:
    return [np.concatenate(arms) for arms in zip(*many, strict=True)]


def cells(quick: bool) -> Iterator[tuple[int, int, str]]:
    """Users a day, percent of the audience, model."""
    if quick:
        return product((20_000,), (50,), ("identical", "+1 point"))
    return product((2_000, 20_000, 200_000), (50,), MODELS)


def whole_tests(runs: int, quick: bool) -> Table:
    """Fourteen days at most, decided at any moment or at the end of weeks only."""
    rows, many = [], list(cells(quick))
    counts = []
    for per_day, share, model in many:
        rng = np.random.default_rng([11, per_day, share])
        of_stable = _users(rng, runs, per_day, 1 - share / 100, BASE)
        counts.append([*of_stable, *_users(rng, runs, per_day, share / 100, BASE + MODELS[model])])
    both = outcomes(*_stacked(counts))
    for at, (per_day, _, model) in enumerate(many):
        row = [f"{per_day:,}", model]
        for all_of_them in both:
            ends = all_of_them[at * runs : (at + 1) * runs]
            falsely = ERROR_RATE if MODELS[model] <= 0 else None
            row += [
                percent(share_of(ends.improved), limit=falsely),
                percent(share_of(ends.harmful), limit=ERROR_RATE if MODELS[model] >= -float(HARM) else None),
                percent(share_of(ends.futile)),
                _days(ends.decided),
            ]
        rows.append(row)
    each = ["improved", "harmful", "futile", "median"]
    return Table("ab-tests", ["users a day", "candidate", *each, *(f"whole weeks: {name}" for name in each)], rows)


def counted_by(runs: int, quick: bool) -> Table:
    """Sessions of some requests that convert more often the more of them the better candidate answered.

    Split and counted by session; split by session but counted by request; split and counted by request.
    """
    rows = []
    for requests, lift in ((10, 0.1),) if quick else product((1, 10), (0.0, 0.1)):
        rng = np.random.default_rng([12, requests, int(100 * lift)])
        cell = [f"{requests}", f"+{100 * lift:.0f} %"]
        ways = ((True, False), (True, True), (False, True))
        found = [
            _sessions(rng, runs, requests, lift, by_session=by_session, count_requests=count_requests)
            for by_session, count_requests in ways
        ]
        all_of_them, _ = outcomes(*_stacked(found), stop_if_futile=False)
        for at, counts in enumerate(found):
            ends = all_of_them[at * runs : (at + 1) * runs]
            of_stable, of_candidate = (
                float(np.mean(counts[i + 1].sum(axis=1) / counts[i].sum(axis=1))) for i in (0, 2)
            )
            limit = ERROR_RATE if lift == 0 else None
            cell += [f"{100 * (of_candidate / of_stable - 1):+.1f} %".replace("-", "−")]
            cell += [percent(share_of(ends.improved), limit=limit)]
        rows.append(cell)
    head = ["requests a session", "true lift"]
    for how in ("split and counted by session", "split by session, counted by request", "split and counted by request"):
        head += [f"{how}: reads", "improved"]
    return Table("ab-units", head, rows)


def _sessions(
    rng: np.random.Generator, tests: int, requests: int, lift: float, *, by_session: bool, count_requests: bool
) -> list[Ints]:
    """`SESSIONS` a day; `lift` is how much more a session converts that the candidate answered all of."""
    shape = (tests, DAYS * BLOCKS_A_DAY)
    # How many of a session's requests the candidate answered: none or all, or a coin toss for each.
    shares = range(requests + 1)
    if by_session:
        weights = np.array([0.5 if k in (0, requests) else 0.0 for k in shares])
    else:
        weights = np.array([comb(requests, k) / 2**requests for k in shares])
    arms = [np.zeros(shape, np.int64) for _ in range(4)]
    for k, weight in zip(shares, weights, strict=True):
        if not weight:
            continue
        sessions = rng.poisson(SESSIONS / BLOCKS_A_DAY * weight, shape)
        converted = rng.binomial(sessions, BASE * (1 + lift * k / requests))
        for arm, of_arm in ((0, requests - k), (2, k)):
            # Each request of a converted session is one that led to a conversion.
            many = of_arm if count_requests else int(of_arm > 0)
            arms[arm] += sessions * many
            arms[arm + 1] += converted * many
    return arms


def _days(days: Floats) -> str:
    middle = np.sort(days)[int(np.ceil(len(days) / 2)) - 1]
    if not np.isfinite(middle):
        return "never"
    return f"{middle:.0f} d" if middle >= 1 else f"{24 * middle:.1f} h"
