"""Reading log files as kubectl does."""

from pathlib import Path

import pytest

from modelwright_playground.node.logs import read_log


async def collected(file: Path, tail: int | None = None, limit: int | None = None) -> bytes:
    return b"".join([block async for block in read_log(file, tail_lines=tail, limit_bytes=limit, follow=None)])


@pytest.mark.parametrize(
    ("tail", "expected"),
    [(None, b"a\nb\nc\n"), (0, b""), (1, b"c\n"), (2, b"b\nc\n"), (3, b"a\nb\nc\n"), (9, b"a\nb\nc\n")],
)
async def test_the_last_lines_are_those_asked_for(tmp_path: Path, tail: int | None, expected: bytes) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"a\nb\nc\n")
    assert await collected(file, tail) == expected


async def test_a_last_line_without_its_end_counts_as_a_line(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"a\nb\nc")
    assert await collected(file, 2) == b"b\nc"


async def test_the_last_lines_are_found_across_blocks(tmp_path: Path) -> None:
    file = tmp_path / "log"
    lines = [f"line {number}\n".encode() for number in range(30_000)]
    file.write_bytes(b"".join(lines))
    assert await collected(file, 20_000) == b"".join(lines[10_000:])


async def test_a_limit_in_bytes_cuts(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"abcdef")
    assert await collected(file, limit=4) == b"abcd"


async def test_following_ends_with_the_process_and_loses_nothing(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"one\n")
    answers = iter([True, True, False, False, False])
    written = iter([b"two\n", b"three\n"])

    def running() -> bool:
        # Written after the question is asked and before the file is read: the tightest race there is.
        with file.open("ab") as log:
            log.write(next(written, b""))
        return next(answers)

    blocks = [block async for block in read_log(file, tail_lines=None, limit_bytes=None, follow=running)]
    assert b"".join(blocks) == b"one\ntwo\nthree\n"


async def test_following_ends_when_the_container_has_started_again(tmp_path: Path) -> None:
    file = tmp_path / "log"
    file.write_bytes(b"old\n")

    def restarted() -> bool:
        if not (tmp_path / "previous").exists():
            file.rename(tmp_path / "previous")
            file.write_bytes(b"new\n")
        return True

    blocks = [block async for block in read_log(file, tail_lines=None, limit_bytes=None, follow=restarted)]
    assert b"".join(blocks) == b"old\n"
