"""The audit trail: a line for each decision, chained through restarts, and a verifier that finds what was changed."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from threading import Event as Flag
from typing import Any

import pytest
from click.testing import CliRunner, Result
from tests.retraining.builders import NOW

from modelwright.audit.chain import verify
from modelwright.audit.configuration import AuditTarget, To, parse_audit
from modelwright.audit.trail import Trail, trail
from modelwright.cli.main import main
from modelwright.errors import InvalidSpec
from modelwright.retraining.plan.telling import Event

RUN: dict[str, Any] = {
    "kind": "RetrainRun",
    "metadata": {"namespace": "ml", "name": "churn-1", "uid": "u", "generation": 1},
    "spec": {"evidence": [{"trigger": "accuracy", "value": "0.883"}]},
}
STATUS = {
    "model": {"version": "churn-1", "digest": "sha256:41"},
    "approval": {"by": "paula"},
    "conditions": ["left out"],
}


async def written(path: Path, *reasons: str) -> list[str]:
    """What a process leaves that decides `reasons` one after the other; the lines of the whole file."""
    writing = trail(AuditTarget(To.FILE, path), "operator-0", lambda: NOW)
    for reason in reasons:
        await writing.decided(RUN, STATUS, [Event("Normal", reason, "numbers")])
    return path.read_text().splitlines()


def verified(path: Path, *options: str) -> Result:
    return CliRunner().invoke(main, ["audit", "verify", str(path), *options])


async def test_a_line_holds_the_decision_its_object_and_what_it_was_decided_on(tmp_path: Path) -> None:
    (line,) = await written(tmp_path / "trail", "Approved")
    record = json.loads(line)
    assert record["object"] == {"kind": "RetrainRun", "namespace": "ml", "name": "churn-1", "uid": "u", "generation": 1}
    assert (record["decision"], record["by"], record["at"]) == ("Approved", "operator-0", "2026-11-21T08:00:00Z")
    assert record["facts"] == {
        "model": STATUS["model"],
        "approval": STATUS["approval"],
        "evidence": RUN["spec"]["evidence"],
    }


async def test_a_new_process_goes_on_where_the_file_ended(tmp_path: Path) -> None:
    path = tmp_path / "trail"
    await written(path, "Triggered", "Approved")
    lines = await written(path, "Promoted")
    found = verify(lines)
    assert (found.lines, found.segments, found.broken) == (3, 2, "")
    assert json.loads(lines[2])["previous"] == json.loads(lines[1])["hash"]


def test_a_file_that_holds_no_trail_is_said_so_and_not_line_by_line(tmp_path: Path) -> None:
    (tmp_path / "notes").write_text("one\ntwo\n")
    told = verified(tmp_path / "notes")
    assert told.exit_code == 1
    assert told.stderr == f"Error: {tmp_path / 'notes'} holds no line of an audit trail\n"


async def test_a_line_that_a_kill_tore_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "trail"
    await written(path, "Triggered", "Approved")
    path.write_text(path.read_text()[:-40])
    found = verify(await written(path, "Promoted"))
    assert (found.lines, found.broken, found.notes) == (2, "", ("line 2 is torn",))


async def test_whatever_is_changed_removed_or_reordered_shows(tmp_path: Path) -> None:
    path = tmp_path / "trail"
    lines = await written(path, *(f"Decision{number}" for number in range(5)))
    changed = [*lines[:2], lines[2].replace("paula", "alice"), *lines[3:]]
    last_changed = [*lines[:4], lines[4].replace("paula", "alice")]
    spoiled = [
        changed,
        last_changed,
        [*lines[:2], *lines[3:]],
        [lines[0], lines[2], lines[1], *lines[3:]],
        lines[:3] * 2,
    ]
    for tampered in spoiled:
        path.write_text("\n".join(tampered) + "\n")
        told = verified(path)
        assert told.exit_code == 1, tampered
        assert "the chain is broken" in told.stderr


async def test_lines_cut_off_at_the_end_show_by_the_last_hash(tmp_path: Path) -> None:
    path = tmp_path / "trail"
    lines = await written(path, "Triggered", "Approved", "Promoted")
    last = json.loads(lines[-1])["hash"]
    assert verified(path, "--last", last).exit_code == 0
    path.write_text("\n".join(lines[:2]) + "\n")
    assert verified(path).exit_code == 0
    assert "lines are missing at the end" in verified(path, "--last", last).stderr


async def test_a_trail_is_found_among_the_lines_of_a_log(tmp_path: Path) -> None:
    path = tmp_path / "log"
    lines = await written(tmp_path / "trail", "Triggered", "Approved")
    path.write_text(f"INFO begins\n{lines[0]}\nINFO goes on\n{lines[1]}\n")
    assert "2 lines in 1 segments hold together" in verified(path, "--mixed").stdout


async def test_standard_output_gets_a_chain_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    writing = trail(AuditTarget(To.STDOUT), "operator-0", lambda: NOW)
    await writing.decided(RUN, STATUS, [Event("Normal", "Approved", ""), Event("Normal", "Promoted", "")])
    found = verify(capsys.readouterr().out.splitlines())
    assert (found.lines, found.broken) == (2, "")


async def test_a_disk_that_is_full_stops_nothing_and_leaves_no_gap(tmp_path: Path) -> None:
    lines: list[str] = []

    def write(line: str) -> None:
        if '"Lost"' in line:
            raise OSError(28, "No space left on device")
        lines.append(line.rstrip())

    writing = trail(AuditTarget(), "operator-0", lambda: NOW)
    writing._write = write
    await writing.decided(RUN, STATUS, [Event("Normal", reason, "") for reason in ("One", "Lost", "Two")])
    assert [json.loads(line)["decision"] for line in lines] == ["One", "Two"]
    assert verify(lines).broken == ""


async def test_two_processes_that_write_one_file_in_turns_make_one_chain(tmp_path: Path) -> None:
    """As a leader, one that took over, and the former one again."""
    path = tmp_path / "trail"
    first, second = (trail(AuditTarget(To.FILE, path), by, lambda: NOW) for by in ("operator-0", "operator-1"))
    for turn in range(6):
        await (first if turn % 2 else second).decided(RUN, STATUS, [Event("Normal", f"Decision{turn}", "")])
    found = verify(path.read_text().splitlines())
    assert (found.lines, found.broken) == (6, "")


async def test_a_disk_that_hangs_holds_nothing_up_and_gets_every_line_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("modelwright.audit.trail.PATIENCE", 0.01)
    answers = Flag()
    lines: list[str] = []

    def write(line: str) -> None:
        answers.wait()
        lines.append(line.rstrip())

    writing = Trail(write, "operator-0", lambda: NOW)
    await writing.decided(RUN, STATUS, [Event("Normal", "RollingBack", "")])
    await writing.decided(RUN, STATUS, [Event("Normal", "RolledBack", "")])
    assert lines == []
    answers.set()
    await asyncio.gather(*writing._writing)
    assert [json.loads(line)["decision"] for line in lines] == ["RollingBack", "RolledBack"]
    assert verify(lines).broken == ""


def test_the_platform_says_where_it_goes() -> None:
    assert parse_audit({}) == AuditTarget()
    assert parse_audit({"audit": {"to": "File", "path": "/var/log/a"}}) == AuditTarget(To.FILE, Path("/var/log/a"))
    for wrong in ({"to": "File"}, {"to": "Stdout", "path": "/x"}, {"to": "File", "path": "x"}, {"to": "Everywhere"}):
        with pytest.raises(InvalidSpec):
            parse_audit({"audit": wrong})
