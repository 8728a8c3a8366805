"""Volumes as folders."""

import base64
from pathlib import Path
from typing import Any

import pytest

from modelwright_playground.node.downward import PodFacts
from modelwright_playground.node.errors import CannotStart
from modelwright_playground.node.volumes import mount_paths, object_files, object_names, write_volumes

FACTS = PodFacts(
    {"metadata": {"name": "p", "namespace": "ml", "uid": "u", "labels": {"b": 'say "hi"', "a": "1"}}, "spec": {}},
    "10.244.7.2",
    "127.244.7.1",
    {},
)
FILES = {
    ("ConfigMap", "settings"): {"app.yaml": b"level: info\n", "other": b"x"},
    ("Secret", "keys"): {"token": b"\x00\x01"},
}


def written(folder: Path, volume: dict[str, Any], files: Any = FILES) -> dict[str, bytes]:
    write_volumes([{"name": "v", **volume}], folder, files, FACTS, {(None, 3607): "t0ken"})
    place = folder / "v"
    return {str(file.relative_to(place)): file.read_bytes() for file in place.rglob("*") if file.is_file()}


def test_a_config_map_is_a_folder_of_its_keys(tmp_path: Path) -> None:
    assert written(tmp_path, {"configMap": {"name": "settings"}}) == {"app.yaml": b"level: info\n", "other": b"x"}


def test_items_choose_keys_and_paths(tmp_path: Path) -> None:
    volume = {"configMap": {"name": "settings", "items": [{"key": "other", "path": "deep/er"}]}}
    assert written(tmp_path, volume) == {"deep/er": b"x"}


def test_a_changed_config_map_changes_its_files_and_leaves_the_others_untouched(tmp_path: Path) -> None:
    volume = {"configMap": {"name": "settings"}}
    written(tmp_path, volume)
    before = (tmp_path / "v/other").stat().st_ino
    changed = {("ConfigMap", "settings"): {"new": b"1", "other": b"x"}}
    assert written(tmp_path, volume, changed) == {"new": b"1", "other": b"x"}
    assert (tmp_path / "v/other").stat().st_ino == before


def test_a_projected_volume_joins_its_sources(tmp_path: Path) -> None:
    sources: list[dict[str, Any]] = [
        {"secret": {"name": "keys"}},
        {"configMap": {"name": "settings", "items": [{"key": "other", "path": "o"}]}},
        {"downwardAPI": {"items": [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]}},
        {"serviceAccountToken": {"path": "sa", "expirationSeconds": 3607}},
    ]
    assert written(tmp_path, {"projected": {"sources": sources}}) == {
        "token": b"\x00\x01",
        "o": b"x",
        "labels": b'a="1"\nb="say \\"hi\\""',
        "sa": b"t0ken",
    }


def test_what_a_volume_holds_is_readable_by_its_owner_only(tmp_path: Path) -> None:
    written(tmp_path, {"secret": {"secretName": "keys"}})
    assert (tmp_path / "v/token").stat().st_mode & 0o077 == 0


def test_an_empty_dir_keeps_what_the_container_wrote(tmp_path: Path) -> None:
    written(tmp_path, {"emptyDir": {}})
    (tmp_path / "v/mine").write_text("kept")
    assert written(tmp_path, {"emptyDir": {}}) == {"mine": b"kept"}


@pytest.mark.parametrize(
    ("volume", "message"),
    [
        ({"configMap": {"name": "nope"}}, "volume v: ConfigMap nope not found"),
        ({"secret": {"secretName": "keys", "items": [{"key": "k", "path": "p"}]}}, "Secret keys has no key k"),
        ({"persistentVolumeClaim": {"claimName": "c"}}, "persistentVolumeClaim is not supported"),
    ],
)
def test_a_volume_that_cannot_be_had_is_named(tmp_path: Path, volume: dict[str, Any], message: str) -> None:
    with pytest.raises(CannotStart, match=message):
        written(tmp_path, volume)


def test_an_optional_config_map_that_is_missing_is_an_empty_folder(tmp_path: Path) -> None:
    assert written(tmp_path, {"configMap": {"name": "nope", "optional": True}}) == {}


def test_mount_paths_lead_to_the_folders_and_into_sub_paths(tmp_path: Path) -> None:
    volumes: list[dict[str, Any]] = [{"name": "v"}, {"name": "host", "hostPath": {"path": "/srv"}}]
    mounts = [
        {"name": "v", "mountPath": "/a"},
        {"name": "v", "mountPath": "/b.txt", "subPath": "x.txt"},
        {"name": "host", "mountPath": "/c"},
    ]
    assert mount_paths({"volumeMounts": mounts}, volumes, tmp_path) == {
        "/a": str(tmp_path / "v"),
        "/b.txt": str(tmp_path / "v/x.txt"),
        "/c": "/srv",
    }


def test_objects_become_bytes_and_are_named() -> None:
    encoded = base64.b64encode(b"\xff").decode()
    assert object_files("Secret", {"data": {"k": encoded}}) == {"k": b"\xff"}
    assert object_files("ConfigMap", {"data": {"t": "ü"}, "binaryData": {"b": encoded}}) == {
        "t": "ü".encode(),
        "b": b"\xff",
    }
    volumes = [{"name": "a", "configMap": {"name": "x"}}, {"name": "b", "secret": {"secretName": "y"}}]
    assert object_names(volumes) == {("ConfigMap", "x"), ("Secret", "y")}
