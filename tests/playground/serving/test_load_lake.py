"""Labelled rows as training and model servers read them."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from modelwright_playground.load.lake import Appender, LabelledRow, prefill
from modelwright_playground.modelserver.labels import parse
from modelwright_playground.world import COLUMNS, World, probability

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)
SPREAD, DELAY = timedelta(hours=1), timedelta(seconds=2)


def row(name: str) -> LabelledRow:
    customer = World(1).customer("before")
    return LabelledRow(name, NOW, NOW + DELAY, customer.features, customer.label)


def test_a_row_has_its_times_in_utc_and_is_a_label_to_a_model_server() -> None:
    line = row("r1").line()
    found = json.loads(line)
    assert (found["time"], found["labelTime"]) == ("2026-11-21T08:00:00.000Z", "2026-11-21T08:00:02.000Z")
    assert tuple(found["features"]) == COLUMNS
    label = parse(line)
    assert label is not None
    assert (label.id, label.label) == ("r1", found["label"])


def test_rows_are_appended_once_to_each_file_also_if_one_is_named_twice(tmp_path: Path) -> None:
    lake, labels = tmp_path / "lake" / "rows.jsonl", tmp_path / "labels.jsonl"
    for name in ("a", "b"):
        appender = Appender([lake, labels, tmp_path / "lake" / ".." / "lake" / "rows.jsonl"])
        appender.append([row(name)])
        appender.close()
    for path in (lake, labels):
        assert [json.loads(line)["id"] for line in path.read_text().splitlines()] == ["a", "b"]


def test_a_history_is_of_the_old_concept_and_all_of_it_labelled_by_now(tmp_path: Path) -> None:
    path = prefill(tmp_path, 1000, 1, NOW, SPREAD, DELAY)
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    times = [datetime.fromisoformat(row["time"]) for row in rows]
    assert len({row["id"] for row in rows}) == 1000
    assert times == sorted(times)
    assert timedelta(minutes=50) < times[-1] - times[0] <= SPREAD
    assert max(datetime.fromisoformat(row["labelTime"]) for row in rows) <= NOW
    likely = sum((probability(row["features"], "before") > 0.5) == row["label"] for row in rows)
    assert likely > 900


def test_a_history_is_of_other_customers_than_live_traffic_of_the_same_seed(tmp_path: Path) -> None:
    history = prefill(tmp_path, 100, 1, NOW, SPREAD, DELAY).read_text().splitlines()
    live = [customer.features for customer in World("live-1").customers(100, "before")]
    assert all(json.loads(line)["features"] not in live for line in history)


def test_a_second_history_replaces_the_first_and_leaves_no_draft(tmp_path: Path) -> None:
    prefill(tmp_path, 100, 1, NOW, SPREAD, DELAY)
    path = prefill(tmp_path, 10, 2, NOW, SPREAD, DELAY)
    assert len(path.read_text().splitlines()) == 10
    assert [each.name for each in path.parent.iterdir()] == ["history.jsonl"]


def test_a_full_disk_is_an_error_and_not_a_lost_row() -> None:
    appender = Appender([Path("/dev/full")])
    with pytest.raises(OSError, match="No space left"):
        appender.append([row("a")])
    appender.close()
