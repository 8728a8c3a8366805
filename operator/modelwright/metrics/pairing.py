"""Puts the blocks of two arms side by side, as the statistics want them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import TypeVar

from modelwright.analysis.blocks import BLOCK, Block, MeanBlock, Moments
from modelwright.analysis.counts import Counts
from modelwright.metrics.questions import CountsLook, MeanLook

T = TypeVar("T")
B = TypeVar("B")


def paired_blocks(stable: CountsLook, candidate: CountsLook, after: datetime | None = None) -> tuple[Block, ...]:
    """The blocks that are finished for both arms and do not begin before `after`, in the order of time.

    What is too old to be told apart is one block, before the others; with `after` it is left out, as it may hold what
    `after` says is known. Both looks must be of questions with the same `since`.
    """
    none = Counts(0, 0)
    return _paired(
        stable,
        candidate,
        [{block.at: block.counts for block in look.blocks} for look in (stable, candidate)],
        (stable.earlier, candidate.earlier),
        none,
        lambda one, other: Counts(one.events + other.events, one.total + other.total),
        Block,
        after,
    )


def paired_mean_blocks(stable: MeanLook, candidate: MeanLook, after: datetime | None = None) -> tuple[MeanBlock, ...]:
    """As paired_blocks, for means."""
    return _paired(
        stable,
        candidate,
        [{block.at: block.moments for block in look.blocks} for look in (stable, candidate)],
        (stable.earlier, candidate.earlier),
        Moments(0, 0.0, 0.0),
        lambda one, other: one + other,
        MeanBlock,
        after,
    )


def _paired(
    stable: CountsLook | MeanLook,
    candidate: CountsLook | MeanLook,
    blocks: list[Mapping[datetime, T]],
    earlier: tuple[T, T],
    none: T,
    add: Callable[[T, T], T],
    build: Callable[[datetime, T, T], B],
    after: datetime | None,
) -> tuple[B, ...]:
    bounds = (stable.blocks_since, candidate.blocks_since, stable.blocks_until, candidate.blocks_until)
    if None in bounds:
        return ()
    since = max(bound for bound in bounds[:2] if bound)
    until = min(bound for bound in bounds[2:] if bound)
    paired = [
        build(at, blocks[0].get(at, none), blocks[1].get(at, none))
        for at in sorted({*blocks[0], *blocks[1]})
        if since <= at < until and (after is None or at >= after)
    ]
    if after is None:
        # The looks were made at different moments, so that one arm may have merged more blocks than the other.
        merged = []
        for known, total in zip(blocks, earlier, strict=True):
            for at, counted in known.items():
                total = add(total, counted) if at < since else total
            merged.append(total)
        if merged != [none, none]:
            paired.insert(0, build(since - BLOCK, merged[0], merged[1]))
    return tuple(paired)
