"""What a comparison of proportions knows about one step, folded from blocks: small enough for status.

Begin with an empty one at each weight: pooling different weights over a moving base rate shows differences that are
none. It depends only on the blocks, so it can be computed again from them after a restart, and folding blocks a second
time changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import astuple, dataclass, field, replace
from datetime import datetime
from math import inf

from modelwright.analysis.before import NO_COUNTS_BEFORE, Before, counts_before
from modelwright.analysis.blocks import BLOCK, Block
from modelwright.analysis.counts import NOTHING, Counts
from modelwright.analysis.dispersion import Dispersion
from modelwright.analysis.harm import Harm
from modelwright.analysis.margin import Margin
from modelwright.analysis.starts import EXCESSES, Recent, Starts
from modelwright.api.times import format_time, parse_time

_VERSION = 3


@dataclass(frozen=True)
class Evidence:
    """`stable` and `candidate` are all counts so far, `until` the end of the newest block that was folded.

    `about` names what was counted and by which margin it was folded: evidence about anything else is of no use.
    `before` is what was known of stable when it began: `begun` says how to begin with it.
    """

    until: datetime | None = None
    stable: Counts = NOTHING
    candidate: Counts = NOTHING
    harm: Harm = field(default_factory=Harm)
    stable_dispersion: Dispersion = field(default_factory=Dispersion)
    candidate_dispersion: Dispersion = field(default_factory=Dispersion)
    about: str = ""
    before: Before[Counts] = NO_COUNTS_BEFORE

    @classmethod
    def begun(cls, about: str, before: Before[Counts] = NO_COUNTS_BEFORE) -> Evidence:
        """Evidence before its first block."""
        return cls(stable_dispersion=before.dispersion, about=about, before=before)

    def with_blocks(self, blocks: Iterable[Block], margin: Margin) -> Evidence:
        """Fold blocks in the order of time; those that begin before `until` were folded already and are skipped.

        A block in which either arm saw nothing counts for the totals only: there was nothing to compare.
        """
        evidence = self
        for block in sorted(blocks, key=lambda block: block.at):
            if evidence.until is None or block.at >= evidence.until:
                evidence = evidence._with(block, margin)
        return evidence

    def _with(self, block: Block, margin: Margin) -> Evidence:
        harm = self.harm if self.harm.blocks else replace(self.harm, usual=margin.bad(self.before.lately))
        return Evidence(
            block.at + BLOCK,
            self.stable + block.stable,
            self.candidate + block.candidate,
            harm.with_block(
                margin.bad(block.stable),
                margin.bad(block.candidate),
                margin,
                dispersion_of_stable(self),
                known_events=margin.bad(self.before.seen + self.stable).events,
                settled=self.stable_dispersion.settled,
            ),
            self.stable_dispersion.added(block.stable.events, block.stable.total),
            self.candidate_dispersion.added(block.candidate.events, block.candidate.total),
            self.about,
            self.before,
        )

    def encoded(self) -> str:
        """One line of text that `decoded` reads back equal."""
        harm = self.harm
        parts = [
            _VERSION,
            format_time(self.until) if self.until else None,
            astuple(self.stable),
            astuple(self.candidate),
            harm.blocks,
            astuple(harm.usual),
            [None if log == -inf else log for log in harm.starts.logs],
            [[one.log, one.blocks, astuple(one.stable), astuple(one.candidate)] for one in harm.recent],
            self.stable_dispersion.numbers(),
            self.candidate_dispersion.numbers(),
            self.about,
            self.before.numbers(),
        ]
        return json.dumps(parts, separators=(",", ":"))

    @classmethod
    def decoded(cls, text: str) -> Evidence:
        """What `encoded` wrote. Raises ValueError for anything else, also for what another version wrote."""
        try:
            version, until, *arms, blocks, usual, logs, recent, of_stable, of_candidate, about, before = json.loads(
                text
            )
            stable, candidate = arms
            if version != _VERSION or not len(logs) == len(recent) == len(EXCESSES):
                raise ValueError(f"version {version}")
            return cls(
                parse_time(until) if until else None,
                Counts(*stable),
                Counts(*candidate),
                Harm(
                    Counts(*usual),
                    Starts(int(blocks), tuple(-inf if log is None else float(log) for log in logs)),
                    tuple(Recent(Counts(*s), Counts(*c), float(log), int(n)) for log, n, s, c in recent),
                ),
                Dispersion.of(of_stable),
                Dispersion.of(of_candidate),
                str(about),
                counts_before(before),
            )
        except (TypeError, ValueError) as error:
            raise ValueError(f"not evidence of this version: {error}") from error


def dispersion_of_stable(evidence: Evidence) -> float:
    """By how much evidence against the candidate is divided. Not the candidate's: a fault that begins disperses it."""
    return evidence.stable_dispersion.factor(_variance(evidence.before.seen + evidence.stable))


def larger_dispersion(evidence: Evidence) -> float:
    """By how much evidence in the candidate's favour is divided: also by what only the candidate shows."""
    of_candidate = evidence.candidate_dispersion.factor(_variance(evidence.candidate))
    return max(dispersion_of_stable(evidence), of_candidate)


def _variance(counts: Counts) -> float:
    """Of one observation, with a little pulled from its ends so that few events do not look certain."""
    p = (counts.events + 0.5) / (counts.total + 1)
    return p * (1 - p)
