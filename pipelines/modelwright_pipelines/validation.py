"""Checks labelled rows before anything is trained on them: reports findings, and drops rows that no model should see.

A finding informs the gate; it does not decide. Only rows that cannot be trained on at all stop the pipeline.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd
import pandera.pandas as pa
from pandera.errors import SchemaErrors

from modelwright_pipelines.lake import Row

MANY_BAD_ROWS = 0.01
FEW_ROWS = 1000
EXTREME = 1e9
LONGEST_CATEGORY = 200
RARE_LABEL = 0.02
NULL_JUMP = 0.05


class ValidationError(Exception):
    """The rows cannot be trained on: the message says what was found and what is needed."""


@dataclass(frozen=True)
class Finding:
    """One check that was not simply fine. `severity` is Info, Warning or Error."""

    check: str
    severity: str
    message: str

    def to_json(self) -> dict[str, str]:
        """As the evaluation holds it."""
        return {"check": self.check, "severity": self.severity, "message": self.message}


@dataclass(frozen=True)
class Checked:
    """The rows that passed, in their order, and what was found on the way."""

    rows: tuple[Row, ...]
    findings: tuple[Finding, ...]


def check(rows: Sequence[Row]) -> Checked:
    """Types, ranges, nulls, label rate and number of rows. ValidationError if no row is left."""
    findings: list[Finding] = []
    bad: set[int] = set()
    frame = _frame(rows)
    for failure, lines in _failures(frame, _schema(rows)).items():
        bad |= lines
        share = len(lines) / len(rows)
        severity = "Error" if share > MANY_BAD_ROWS else "Warning"
        message = f"{len(lines)} of {len(rows)} rows ({share:.2%}) fail and are left out"
        findings.append(Finding(failure, severity, message))
    kept = tuple(row for line, row in enumerate(rows) if line not in bad)
    if not kept:
        names = ", ".join(sorted(finding.check for finding in findings)) or "no rows at all"
        raise ValidationError(
            f"found none of {len(rows)} rows fit to train on ({names}), need rows that pass the checks"
        )
    return Checked(kept, (*findings, null_rate_jump(rows), *_whole(kept)))


def null_rate_jump(rows: Sequence[Row]) -> Finding:
    """Missing values in the newest third against the others, feature by feature: a source that broke shows here."""
    cut = len(rows) * 2 // 3
    names = sorted({name for row in rows for name in row.features})
    jumps = {name: _missing(rows[cut:], name) - _missing(rows[:cut], name) for name in names}
    worst = max(jumps, key=lambda name: jumps[name], default="")
    jump = jumps.get(worst, 0.0)
    severity = "Error" if jump > NULL_JUMP else "Info"
    return Finding(
        "null rate jump", severity, f"{worst or 'no feature'} is missing in {jump:+.1%} more of the newest rows"
    )


def _missing(rows: Sequence[Row], name: str) -> float:
    return sum(row.features.get(name) is None for row in rows) / max(len(rows), 1)


def _frame(rows: Sequence[Row]) -> pd.DataFrame:
    frame = pd.DataFrame([row.features for row in rows], dtype=object)
    label = pd.Series([row.label for row in rows], dtype=object)
    delay = pd.Series([(row.label_time - row.time).total_seconds() for row in rows], dtype=float)
    return frame.assign(**{"(label)": label, "(label delay)": delay})


def _schema(rows: Sequence[Row]) -> pa.DataFrameSchema:
    """A schema of the features found: the pipeline serves any model, so the first row with a value gives the type."""
    kinds: dict[str, type] = {}
    for row in rows:
        for name, value in row.features.items():
            if value is not None:
                kinds.setdefault(name, str if isinstance(value, str) else float)
    columns = {name: pa.Column(object, _text() if kind is str else _number()) for name, kind in kinds.items()}
    columns["(label)"] = pa.Column(object, pa.Check(lambda label: label in (0, 1), element_wise=True, name="0 or 1"))
    columns["(label delay)"] = pa.Column(float, pa.Check.ge(0, name="label not before its prediction"))
    return pa.DataFrameSchema(columns)


def _number() -> list[pa.Check]:
    return [
        pa.Check(
            lambda value: isinstance(value, int | float) and math.isfinite(value),
            element_wise=True,
            name="finite number",
        ),
        pa.Check(
            lambda value: not isinstance(value, int | float) or abs(value) <= EXTREME, element_wise=True, name="range"
        ),
    ]


def _text() -> list[pa.Check]:
    return [
        pa.Check(
            lambda value: isinstance(value, str) and 0 < len(value) <= LONGEST_CATEGORY, element_wise=True, name="text"
        )
    ]


def _failures(frame: pd.DataFrame, schema: pa.DataFrameSchema) -> dict[str, set[int]]:
    """Failed check ("column: check") → the lines that failed it."""
    try:
        schema.validate(frame, lazy=True)
    except SchemaErrors as errors:
        cases = errors.failure_cases
        named = cases.assign(
            name=cases["column"].astype(str) + ": " + cases["check"].replace("not_nullable", "missing value")
        )
        # pandera reports a failure without an index only for a column as a whole, which then fails every row.
        every = set(range(len(frame)))
        return {
            str(name): every if group["index"].isna().any() else {int(line) for line in group["index"]}
            for name, group in named.groupby("name")
        }
    return {}


def _whole(rows: Sequence[Row]) -> list[Finding]:
    findings = []
    if len(rows) < FEW_ROWS:
        findings.append(Finding("rows", "Warning", f"{len(rows)} rows: numbers on fewer than {FEW_ROWS} are coarse"))
    rate = sum(row.label == 1 for row in rows) / len(rows)
    if not RARE_LABEL <= rate <= 1 - RARE_LABEL:
        findings.append(
            Finding("label rate", "Error", f"{rate:.2%} of the labels are 1, need {RARE_LABEL:.0%} or more of each")
        )
    else:
        findings.append(Finding("label rate", "Info", f"{rate:.2%} of the labels are 1"))
    return findings
