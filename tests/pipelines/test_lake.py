"""Snapshots of the labelled lake, and how they are split by time."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from tests.pipelines.rows import START, customers, write

from modelwright_pipelines.lake import LakeError, Row, rows_digest, snapshot
from modelwright_pipelines.split import SplitError, by_time, parse_duration
from modelwright_pipelines.storage import StorageError, beside, local_path, replaced_folder, write_json


def test_a_snapshot_is_sorted_by_time_over_all_files(tmp_path: Path) -> None:
    rows = customers(6)
    write(tmp_path, rows[3:], "a")
    lake = write(tmp_path, rows[:3], "b")
    assert [row.id for row in snapshot(lake)] == ["r0", "r1", "r2", "r3", "r4", "r5"]


def test_since_leaves_out_older_predictions_and_limit_keeps_the_newest(tmp_path: Path) -> None:
    lake = write(tmp_path, customers(6))
    since = (START + timedelta(seconds=2)).isoformat()
    assert [row.id for row in snapshot(lake, since)] == ["r2", "r3", "r4", "r5"]
    assert [row.id for row in snapshot(lake, since, limit=2)] == ["r4", "r5"]


def test_a_row_that_was_appended_twice_counts_once(tmp_path: Path) -> None:
    row = customers(1)[0]
    (found,) = snapshot(write(tmp_path, [row, {**row, "label": 1 - row["label"]}]))
    assert found.label == row["label"]


def test_a_line_that_is_still_being_written_is_left_for_the_next_time(tmp_path: Path) -> None:
    lake = write(tmp_path, customers(2))
    with (tmp_path / "labelled" / "rows.jsonl").open("a") as out:
        out.write('{"id": "half')
    assert len(snapshot(lake)) == 2


def test_a_line_that_is_no_row_is_named(tmp_path: Path) -> None:
    lake = write(tmp_path, [*customers(1), {"id": "x"}])
    with pytest.raises(LakeError, match=r"rows\.jsonl line 2 is not a labelled row"):
        snapshot(lake)


def test_a_lake_without_files_is_named(tmp_path: Path) -> None:
    with pytest.raises(LakeError, match="found no labelled/"):
        snapshot(tmp_path.as_uri())


def test_the_digest_of_rows_changes_with_any_value(tmp_path: Path) -> None:
    rows = customers(3)
    before = rows_digest(snapshot(write(tmp_path / "a", rows)))
    assert before == rows_digest(snapshot(write(tmp_path / "b", rows)))
    rows[1]["features"]["data_gb"] += 0.1
    assert before != rows_digest(snapshot(write(tmp_path / "c", rows)))


def made(count: int, entities: int = 0) -> list[Row]:
    return [
        Row(f"r{n}", time := START + timedelta(seconds=n), time, {}, 0, f"e{n % entities}" if entities else f"r{n}")
        for n in range(count)
    ]


def test_rows_that_judge_begin_a_horizon_after_those_that_train() -> None:
    split = by_time(made(1000), timedelta(seconds=60))
    assert split.evaluate[0].time >= split.train[-1].time + timedelta(seconds=60)
    assert (len(split.train), len(split.evaluate)) == (700, 241)


def test_whom_the_model_was_trained_on_does_not_judge_it() -> None:
    rows = made(1000, entities=900)
    split = by_time(rows, timedelta(0))
    assert not {row.entity for row in split.train} & {row.entity for row in split.evaluate}
    assert len(split.evaluate) == 200


def test_too_few_rows_are_not_split() -> None:
    with pytest.raises(SplitError, match="found 70 rows to train on and 30 to judge by"):
        by_time(made(100), timedelta(0))


@pytest.mark.parametrize(
    ("text", "seconds"), [("2s", 2.0), ("90m", 5400.0), ("1h30m", 5400.0), ("500ms", 0.5), ("7d", 604800.0)]
)
def test_a_duration_is_read(text: str, seconds: float) -> None:
    assert parse_duration(text).total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "2", "s", "2 s", "-2s", "2s!"])
def test_a_text_that_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(SplitError, match="need one such as 2s"):
        parse_duration(text)


def test_only_local_uris_are_used() -> None:
    assert local_path("file:///a%20b/c") == local_path("/a b/c") == Path("/a b/c")
    assert beside("file:///a/evaluation.json", "model") == "file:///a/model"
    for uri in ("s3://bucket/a", "relative/path", "file://elsewhere/a"):
        with pytest.raises(StorageError, match="need a file:// URI"):
            local_path(uri)


def test_a_folder_that_could_not_be_filled_leaves_the_old_one(tmp_path: Path) -> None:
    with replaced_folder(tmp_path / "model") as fresh:
        (fresh / "one").touch()
    with pytest.raises(OSError, match="disk"), replaced_folder(tmp_path / "model") as fresh:
        raise OSError("disk full")
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "one"]


def test_a_number_that_is_not_one_is_never_written(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"value": 1})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"value": float("nan")})
    assert [path.name for path in tmp_path.iterdir()] == ["a.json"]
    assert '"value": 1' in (tmp_path / "a.json").read_text()
