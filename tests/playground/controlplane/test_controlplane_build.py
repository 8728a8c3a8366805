"""Programs are built once, whole or not at all, and a failure says what a person can do.

A script stands in for the Go compiler: what is tested is what we do around it.
"""

from __future__ import annotations

import io
import os
import re
import select
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from modelwright_playground.controlplane.build import binary
from modelwright_playground.controlplane.cache import recipe_folder
from modelwright_playground.controlplane.golang import BuildFailed
from modelwright_playground.controlplane.progress import Lines
from modelwright_playground.controlplane.toolchain import ON_DEMAND, TOOLS

ETCD = TOOLS["etcd"]

# $1 is the sub-command; of `build` the output is the word after -o.
FAKE_GO = """#!/bin/bash
case "$1" in
  env) echo go1.26.8 ;;
  list) printf 'a\\nb\\n' ;;
  build)
    while [ "$1" != -o ]; do shift; done
    {build}
    ;;
esac
"""
BUILDS = "echo a >&2; echo b >&2; printf whole > $2; chmod +x $2"


class Builder:
    """Builds etcd with a compiler of the test's making, in a cache of its own."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.bin = folder / "path"
        self.bin.mkdir()
        self.said = folder / "said"
        self.pipe = folder / "pipe"
        os.mkfifo(self.pipe)
        monkeypatch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        monkeypatch.setenv("PATH", f"{self.bin}:/usr/bin:/bin")
        monkeypatch.delenv("KUBEBUILDER_ASSETS", raising=False)
        self.target = recipe_folder(ETCD) / "etcd"

    def compiler(self, build: str) -> None:
        self.program("go", FAKE_GO.replace("{build}", build))

    def program(self, name: str, script: str) -> None:
        (self.bin / name).write_text(script)
        (self.bin / name).chmod(0o755)

    def build(self) -> Path:
        with self.said.open("w") as stream:
            return binary("etcd", Lines(stream))

    def in_background(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-m", "modelwright_playground.controlplane.build", "etcd"],
            stderr=subprocess.PIPE,
            text=True,
        )

    def files(self) -> list[str]:
        """What is in the folder of built programs."""
        return sorted(file.name for file in self.target.parent.glob("*")) if self.target.parent.exists() else []

    def half_done(self) -> str:
        """A compiler that writes half a program, says so with its process id, and never ends."""
        return f"printf half > $2; echo $$ > {self.pipe}; exec sleep infinity"


@pytest.fixture
def builder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Builder:
    return Builder(tmp_path, monkeypatch)


def test_a_program_is_built_once_and_then_found_in_the_cache(builder: Builder) -> None:
    builder.compiler(BUILDS)
    assert builder.build().read_text() == "whole"
    builder.compiler("exit 1")
    assert builder.build() == builder.target
    assert builder.files() == ["etcd"]


def test_the_build_says_what_it_builds_and_how_long_it_took(builder: Builder) -> None:
    builder.compiler(BUILDS)
    builder.build()
    started, done = builder.said.read_text().splitlines()
    assert started == f"building etcd {ETCD.version}: started"
    assert done.startswith(f"building etcd {ETCD.version}: done in ")


def test_a_long_build_says_in_between_how_far_it_is() -> None:
    times = iter((0.0, 10.0, 16.0, 95.0))
    stream = io.StringIO()
    with Lines(stream, every=15.0, clock=lambda: next(times)).step("building x") as advance:
        advance("packages compiled", 1, 40)
        advance("packages compiled", 20, 40)
    assert stream.getvalue().splitlines() == [
        "building x: started",
        "building x: packages compiled, 20 of 40, 16 s so far",
        "building x: done in 1 min 35 s",
    ]


def test_an_interrupted_build_leaves_no_half_program_and_no_compiler(builder: Builder) -> None:
    builder.compiler(builder.half_done())
    process = builder.in_background()
    compiler = os.pidfd_open(int(builder.pipe.read_text()))
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=180)
    assert process.returncode == 130
    assert "interrupted" in said
    assert builder.files() == []
    assert _has_ended(compiler)


def test_a_killed_build_takes_its_compiler_along_and_the_next_one_starts_clean(builder: Builder) -> None:
    builder.compiler(builder.half_done())
    process = builder.in_background()
    compiler = os.pidfd_open(int(builder.pipe.read_text()))
    process.kill()
    process.communicate(timeout=180)
    assert _has_ended(compiler)
    assert not builder.target.exists()

    builder.compiler(BUILDS)
    assert builder.build().read_text() == "whole"
    assert builder.files() == ["etcd"]


def test_a_second_build_waits_for_the_first_and_uses_its_result(builder: Builder) -> None:
    builder.compiler(f"echo $$ > {builder.pipe}; cat {builder.pipe} > $2; chmod +x $2; rm {builder.bin / 'go'}")
    first = builder.in_background()
    builder.pipe.read_text()
    second = builder.in_background()
    assert second.stderr is not None
    assert second.stderr.readline() == f"another build is under way (process {first.pid}): waiting for it\n"
    builder.pipe.write_text("from the first")
    assert first.wait(180) == second.wait(180) == 0
    assert builder.target.read_text() == "from the first"
    assert first.stderr is not None
    first.stderr.close()
    second.stderr.close()


@pytest.mark.parametrize(
    ("output", "told"),
    [
        ("dial tcp: lookup modules.test on 127.0.0.53:53: no such host", "the network did not answer"),
        ("Get https://modules.test: dial tcp 192.0.2.1:443: connect: connection refused", "the network did not answer"),
        ("Get https://modules.test: net/http: TLS handshake timeout", "the network did not answer"),
        ("write /somewhere/etcd: no space left on device", "the disk is full"),
        ("main.go:1:1: expected package", "main.go:1:1: expected package"),
    ],
)
def test_a_failed_build_says_what_is_missing(builder: Builder, output: str, told: str) -> None:
    builder.compiler(f"echo '{output}' >&2; exit 1")
    with pytest.raises(BuildFailed, match=told) as failure:
        builder.build()
    assert str(failure.value).startswith(f"building etcd {ETCD.version}: ")
    assert builder.files() == []


def test_a_full_disk_of_our_own_cache_is_told_too(builder: Builder, monkeypatch: pytest.MonkeyPatch) -> None:
    builder.compiler(BUILDS)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(BuildFailed, match="the disk is full"):
        builder.build()
    assert builder.files() == []


def test_without_go_and_without_network_the_message_names_go(builder: Builder, monkeypatch: pytest.MonkeyPatch) -> None:
    builder.program("go", "#!/bin/bash\necho go1.18.1\n")
    builder.program("python", "#!/bin/bash\necho 'NewConnectionError: name resolution' >&2\nexit 1\n")
    monkeypatch.setattr(sys, "executable", str(builder.bin / "python"))
    with pytest.raises(BuildFailed, match=r"Go 1\.26 or newer is needed.*the network did not answer"):
        builder.build()


def test_a_program_of_the_right_version_is_used_where_it_is(
    builder: Builder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    builder.compiler("exit 1")
    builder.program("etcd", "#!/bin/bash\necho 'etcd Version: 3.6.1'\n")
    assert builder.build() == builder.bin / "etcd"

    assets = tmp_path / "assets"
    assets.mkdir()
    (builder.bin / "etcd").rename(assets / "etcd")
    monkeypatch.setenv("KUBEBUILDER_ASSETS", str(assets))
    assert builder.build() == assets / "etcd"


@pytest.mark.parametrize("answer", ["echo 'etcd Version: 3.5.21'", "exit 1"])
def test_a_program_of_another_version_is_not_used(builder: Builder, answer: str) -> None:
    builder.compiler(BUILDS)
    builder.program("etcd", f"#!/bin/bash\n{answer}\n")
    assert builder.build() == builder.target


@pytest.mark.parametrize(
    ("name", "right", "wrong"),
    [
        ("kube-apiserver", "Kubernetes v1.36.9", "Kubernetes v1.35.4"),
        ("kube-controller-manager", "Kubernetes v1.36.0", "Kubernetes v1.37.0"),
        ("kubectl", "Client Version: v1.36.1", "Client Version: v1.34.1"),
        ("prometheus", "prometheus, version 3.5.0 (branch: HEAD)", "prometheus, version 2.53.0 (branch: HEAD)"),
        ("helm", "v4.0.1+gabcdef0", "v3.19.0+g3d8990f"),
        ("pilot-discovery", "client version: 1.31.2", "client version: 1.30.3"),
    ],
)
def test_each_program_knows_which_versions_will_do(name: str, right: str, wrong: str) -> None:
    accepts = (TOOLS | ON_DEMAND)[name].accepts
    assert accepts.search(right)
    assert not accepts.search(wrong)


def test_the_versions_we_name_are_those_that_the_modules_pin() -> None:
    pinned = {
        tool.name: version
        for tool in TOOLS.values()
        for module, version in re.findall(r"^(?:require )?\s*(\S+) v(\S+)", (tool.folder / "go.mod").read_text(), re.M)
        if tool.package.startswith(module)
    }
    # Prometheus 3.15.0 is its module's v0.315.0: a Go module cannot have a version 3 without a path that says so.
    major, minor, patch = TOOLS["prometheus"].version.split(".")
    expected = {tool.name: tool.version for tool in TOOLS.values()}
    assert pinned == {**expected, "prometheus": f"0.{major}{minor}.{patch}"}


def test_all_libraries_of_kubernetes_are_of_its_own_version() -> None:
    replaced = re.findall(r"^\tk8s\.io/(\S+) => k8s\.io/(\S+) v(\S+)$", (ETCD.folder / "go.mod").read_text(), re.M)
    _, minor, patch = TOOLS["kube-apiserver"].version.split(".")
    assert len(replaced) > 30
    assert {(old == new, version) for old, new, version in replaced} == {(True, f"0.{minor}.{patch}")}


def test_every_change_of_modules_or_flags_is_another_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = {recipe_folder(tool) for tool in TOOLS.values()}
    assert len(before) == len(TOOLS)
    copy = tmp_path / "kubernetes"
    copy.mkdir()
    for file in ("go.mod", "go.sum"):
        (copy / file).write_bytes((ETCD.folder / file).read_bytes())
    monkeypatch.setattr("modelwright_playground.controlplane.toolchain.TOOLCHAIN", tmp_path)
    assert recipe_folder(ETCD) in before
    with (copy / "go.sum").open("a") as sums:
        sums.write("\n")
    assert recipe_folder(ETCD) not in before


def _has_ended(process: int) -> bool:
    """Wait until the process behind a pidfd is gone."""
    ended, _, _ = select.select([process], [], [], 30)
    os.close(process)
    return bool(ended)
