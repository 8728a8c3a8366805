"""Following the stream of labels through all that happens to files."""

import os
from pathlib import Path

import pytest

from modelwright_playground.modelserver.labels import MAX_LINE_BYTES, LabelFile, parse


def line(name: str, label: int = 1) -> bytes:
    return b'{"id":"%s","label":%d,"features":{}}\n' % (name.encode(), label)


def append(path: Path, data: bytes) -> None:
    with path.open("ab") as file:
        file.write(data)


def names(follower: LabelFile) -> list[str]:
    return [label.id for label in follower.read()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rows.jsonl"


def test_it_starts_at_the_end_and_gives_each_new_label_once(path: Path) -> None:
    append(path, line("old"))
    follower = LabelFile(path)
    assert names(follower) == []
    append(path, line("a") + line("b"))
    assert names(follower) == ["a", "b"]
    assert names(follower) == []


def test_a_file_that_comes_later_is_read_from_its_beginning(path: Path) -> None:
    follower = LabelFile(path)
    assert names(follower) == []
    append(path, line("first"))
    assert names(follower) == ["first"]


def test_half_a_line_waits_for_its_other_half(path: Path) -> None:
    follower = LabelFile(path)
    whole = line("a")
    append(path, whole[:9])
    assert names(follower) == []
    append(path, whole[9:] + line("b")[:5])
    assert names(follower) == ["a"]
    assert follower.skipped == 0


def test_a_rotated_file_is_read_to_its_end_before_the_new_one(path: Path) -> None:
    append(path, line("old"))
    follower = LabelFile(path)
    append(path, line("last"))
    os.replace(path, path.with_suffix(".1"))
    append(path, line("new"))
    assert names(follower) + names(follower) == ["last", "new"]


def test_a_file_that_was_cut_is_read_again_from_its_beginning(path: Path) -> None:
    append(path, line("old") * 3)
    follower = LabelFile(path)
    path.write_bytes(line("new"))
    assert names(follower) == ["new"]


def test_a_file_that_disappears_is_waited_for(path: Path) -> None:
    append(path, line("old"))
    follower = LabelFile(path)
    path.unlink()
    assert names(follower) == []
    append(path, line("again"))
    assert names(follower) == ["again"]


@pytest.mark.parametrize(
    "bad",
    [b"not json", b"[1]", b'{"id":"a"}', b'{"id":1,"label":1}', b'{"id":"a","label":true}', b'{"id":"a","label":"1"}'],
)
def test_what_is_no_label_is_skipped_and_counted(path: Path, bad: bytes) -> None:
    assert parse(bad) is None
    follower = LabelFile(path)
    append(path, bad + b"\n" + line("good"))
    assert names(follower) == ["good"]
    assert follower.skipped == 1


def test_an_endless_line_does_not_fill_the_memory(path: Path) -> None:
    follower = LabelFile(path)
    for _ in range(4):
        append(path, b"x" * MAX_LINE_BYTES)
        assert names(follower) == []
        assert len(follower._rest) <= MAX_LINE_BYTES
    append(path, b"\n" + line("good"))
    assert names(follower) == ["good"]
    assert follower.skipped == 1
