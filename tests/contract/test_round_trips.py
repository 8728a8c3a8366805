"""What the operator writes it reads back equal: else a pass with nothing changed would write again, for ever."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.contract.generated import DURATIONS, TIMES, records, run_specs

from modelwright.api.durations import LONGEST, format_duration, parse_duration
from modelwright.api.parsing import parse_policy_status, parse_rollout_status, parse_run, parse_run_status
from modelwright.api.pipelines import Parameter, Pipeline
from modelwright.api.policy import PolicyStatus
from modelwright.api.records import TEXT_LENGTH
from modelwright.api.rollout import RolloutStatus
from modelwright.api.run import RetrainRun, RunSpec, RunStatus
from modelwright.api.serialising import policy_status, rollout_status, run_body, run_status
from modelwright.api.times import format_time, parse_time

STATUSES: list[tuple[type, Callable[[Any], Any], Callable[[Any], Any]]] = [
    (RolloutStatus, rollout_status, parse_rollout_status),
    (PolicyStatus, policy_status, parse_policy_status),
    (RunStatus, run_status, parse_run_status),
]


@pytest.mark.parametrize(("kind", "write", "read"), STATUSES)
@given(data=st.data())
def test_a_status_reads_back_equal(
    kind: type, write: Callable[[Any], Any], read: Callable[[Any], Any], data: st.DataObject
) -> None:
    status = data.draw(records(kind))
    assert read({"status": write(status)}) == status


@pytest.mark.parametrize(("kind", "write", "read"), STATUSES)
def test_an_object_without_a_status_has_the_empty_one(
    kind: type, write: Callable[[Any], Any], read: Callable[[Any], Any]
) -> None:
    assert read({}) == kind()
    assert read({"status": {"observedGeneration": -1}}) == kind()


@given(spec=run_specs())
def test_a_run_reads_back_equal(spec: RunSpec) -> None:
    run = RetrainRun(namespace="ml", name="churn-x7k2p", uid="u", generation=1, resource_version="5", spec=spec)
    body = run_body(run)
    body["metadata"] |= {"uid": "u", "generation": 1, "resourceVersion": "5"}
    assert parse_run(body) == run


def test_a_run_is_written_only_with_parameters_that_are_resolved() -> None:
    pipeline = Pipeline("churn-training", parameters=(Parameter("since", trigger="windowStart"),))
    spec = RunSpec(1, "churn", "uid", 1, "level/0", (), pipeline)
    run = RetrainRun(namespace="ml", name="churn-x7k2p", uid="", generation=0, resource_version="", spec=spec)
    with pytest.raises(ValueError, match="'since' must be resolved"):
        run_body(run)


def test_text_is_cut_to_what_the_schema_takes() -> None:
    written = rollout_status(RolloutStatus(paused_message="x" * (TEXT_LENGTH + 1)))
    assert written["pausedMessage"] == "x" * (TEXT_LENGTH - 1) + "…"


@given(duration=DURATIONS)
def test_a_duration_reads_back_equal(duration: timedelta) -> None:
    assert parse_duration(format_duration(duration)) == duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("0s", 0), ("90s", 90), ("1h30m", 5400), ("250ms", 0.25), ("1m1m", 120), ("99999h", 359996400)],
)
def test_durations_are_those_of_gateway_api(text: str, seconds: float) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "5", "5 m", "-5m", "1.5h", "1d", "100000h", "5m\n", "1h1m1s1ms1s"])
def test_other_durations_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a duration such as"):
        parse_duration(text)


@pytest.mark.parametrize("duration", [timedelta(seconds=-1), LONGEST + timedelta(milliseconds=1)])
def test_durations_that_cannot_be_written_are_refused(duration: timedelta) -> None:
    with pytest.raises(ValueError, match="between 0s and 99999h"):
        format_duration(duration)


@given(time=TIMES)
def test_a_time_reads_back_equal(time: datetime) -> None:
    assert parse_time(format_time(time)) == time


def test_times_are_written_in_utc() -> None:
    berlin = timezone(timedelta(hours=1))
    assert format_time(datetime(2026, 11, 21, 9, 14, 5, tzinfo=berlin)) == "2026-11-21T08:14:05Z"
    assert parse_time("2026-11-21T09:14:05+01:00") == datetime(2026, 11, 21, 8, 14, 5, tzinfo=UTC)


@pytest.mark.parametrize("text", ["", "yesterday", "2026-11-21T08:14:05", "2026-11-21"])
def test_times_without_a_zone_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="must be a time such as"):
        parse_time(text)


def test_a_time_without_a_zone_is_never_written() -> None:
    with pytest.raises(ValueError, match="no time zone"):
        format_time(datetime(2026, 11, 21))  # noqa: DTZ001
