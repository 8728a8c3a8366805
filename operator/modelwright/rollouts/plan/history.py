"""What became of each revision, newest first."""

from __future__ import annotations

from modelwright.api.rollout import HistoryEntry
from modelwright.rollouts.plan.draft import Draft

HISTORY_KEPT = 50
"""Enough for the ten weeks of `compare.history` where a model is replaced every other day."""

REJECTED_KEPT = 100
"""As many as the schema allows: a rejection that is forgotten would let the revision be tried again."""


def record(draft: Draft, revision: str, version: str, result: str) -> None:
    """The rollout is over."""
    entry = HistoryEntry(revision, version, result, draft.now, draft.status.began_at)
    draft.change(history=(entry, *draft.status.history)[:HISTORY_KEPT], began_at=None)
