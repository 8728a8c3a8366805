"""Turns rows (name → value) into the table that scikit-learn's column encoders read. Unpickling a model imports it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Self

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin


class Columns(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """The named columns of each row, in order, as an object array. KeyError if a row lacks one."""

    def __init__(self, names: tuple[str, ...]) -> None:
        self.names = names

    def fit(self, rows: Sequence[Mapping[str, Any]], labels: Any = None) -> Self:
        """Nothing to learn: the names are given."""
        self.is_fitted_ = True
        return self

    def transform(self, rows: Sequence[Mapping[str, Any]]) -> np.ndarray[Any, Any]:
        """One line per row."""
        return np.array([[row[name] for name in self.names] for row in rows], dtype=object)
