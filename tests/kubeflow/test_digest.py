"""The digest that names a model: what changes it, what does not, and what it refuses."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from modelwright.kubeflow.digest import digest, digest_folder

EMPTY = hashlib.sha256(b"").hexdigest()


def test_it_is_sha256_over_path_size_and_content_of_each_file_sorted_by_path() -> None:
    lines = f"a/b\0{1}\0{EMPTY}\nz\0{2}\0{EMPTY}\n".encode()
    expected = f"sha256:{hashlib.sha256(lines).hexdigest()}"
    assert digest([("z", 2, EMPTY), ("a/b", 1, EMPTY)]) == expected


def test_a_folder_is_digested_by_its_files_wherever_it_lies(tmp_path: Path) -> None:
    for root in (tmp_path / "one", tmp_path / "two"):
        (root / "deep").mkdir(parents=True)
        (root / "deep" / "model.bin").write_bytes(b"weights")
        (root / "MLmodel").write_bytes(b"")
    assert digest_folder(tmp_path / "one") == digest_folder(tmp_path / "two")
    content = hashlib.sha256(b"weights").hexdigest()
    assert digest_folder(tmp_path / "one") == digest([("MLmodel", 0, EMPTY), ("deep/model.bin", 7, content)])


@pytest.mark.parametrize("path", ["/etc/passwd", "../model", "a/../../b", "a\nb", "a\0b"])
def test_a_path_that_could_stand_for_another_is_refused(path: str) -> None:
    with pytest.raises(ValueError, match="relative path"):
        digest([(path, 0, EMPTY)])


def test_an_empty_folder_is_no_model(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no file"):
        digest_folder(tmp_path)
    with pytest.raises(FileNotFoundError):
        digest_folder(tmp_path / "missing")


def test_symbolic_links_are_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"x")
    (tmp_path / "link").symlink_to("/etc/passwd")
    with pytest.raises(ValueError, match="symbolic link"):
        digest_folder(tmp_path)
