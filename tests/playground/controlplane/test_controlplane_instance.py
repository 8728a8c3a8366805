"""Two playgrounds never share a port or an address, and one keeps its own from start to start."""

from __future__ import annotations

import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pytest

from modelwright_playground.claims import MOST_CHOSEN, choose, holding_subnet
from modelwright_playground.instance import (
    KUBELET_PORT,
    SUBNETS,
    Instance,
    NoInstance,
    PortTaken,
    is_free,
)


@contextmanager
def listening(address: str = "127.0.0.1", port: int = 0) -> Iterator[int]:
    with socket.create_server((address, port)) as server:
        yield server.getsockname()[1]


def test_an_instance_is_read_back_as_it_was_made(tmp_path: Path) -> None:
    made = Instance.create("one", tmp_path)
    assert Instance.load(tmp_path) == made
    assert (Path(made.repo) / "pyproject.toml").exists()


def test_all_its_ports_are_different_and_free(tmp_path: Path) -> None:
    ports = list(asdict(Instance.create("one", tmp_path).ports).values())
    assert len(set(ports)) == len(ports)
    assert all(is_free("127.0.0.1", port) for port in ports)


def test_it_keeps_its_ports_and_its_subnet_while_they_are_free(tmp_path: Path) -> None:
    assert Instance.create("one", tmp_path) == Instance.create("one", tmp_path)


def test_a_port_that_was_taken_since_is_replaced_and_the_others_are_kept(tmp_path: Path) -> None:
    before = Instance.create("one", tmp_path)
    with listening(port=before.ports.gateway):
        after = Instance.create("one", tmp_path)
    changed = {name for name, port in asdict(after.ports).items() if port != asdict(before.ports)[name]}
    assert changed == {"gateway"}


def test_a_subnet_of_an_instance_that_runs_without_a_node_is_not_used(tmp_path: Path) -> None:
    before = Instance.create("one", tmp_path)
    with holding_subnet(before.subnet):
        assert Instance.create("one", tmp_path).subnet != before.subnet
    assert Instance.create("again", tmp_path / "again").subnet in SUBNETS


def test_a_subnet_that_another_node_claims_is_not_used(tmp_path: Path) -> None:
    before = Instance.create("one", tmp_path)
    with listening(before.node_address, KUBELET_PORT):
        assert Instance.create("one", tmp_path).subnet != before.subnet
        assert Instance.create("two", tmp_path / "two").subnet != before.subnet


def test_what_another_process_has_chosen_for_an_instance_is_not_used_before_it_runs_either(tmp_path: Path) -> None:
    with elsewhere(tmp_path) as theirs:
        ours = [Instance.create("many", tmp_path / str(number)) for number in range(20)]
        assert not choose(theirs.subnet)
        taken = {theirs.subnet, *asdict(theirs.ports).values()}
        assert not any(taken & {each.subnet, *asdict(each.ports).values()} for each in ours)
    assert choose(theirs.subnet)


def test_a_process_that_makes_many_instances_keeps_what_it_chose_for_the_last_of_them(tmp_path: Path) -> None:
    subnets = [Instance.create("many", tmp_path / str(number)).subnet for number in range(MOST_CHOSEN)]
    asked = "import sys; from modelwright_playground.claims import choose; print(choose(int(sys.argv[1])))"

    def others_may_choose(subnet: int) -> bool:
        command = [sys.executable, "-c", asked, str(subnet)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout == "True\n"

    assert not others_may_choose(subnets[0])
    Instance.create("one more", tmp_path / "more")
    assert others_may_choose(subnets[0])
    assert not others_may_choose(subnets[1])


@contextmanager
def elsewhere(folder: Path) -> Iterator[Instance]:
    """An instance that another process has made, and does nothing with."""
    made = (
        "import sys; from pathlib import Path; from modelwright_playground.instance import Instance;"
        "Instance.create('theirs', Path(sys.argv[1])); print('made', flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", made, str(folder / "theirs")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "made\n"
        yield Instance.load(folder / "theirs")
        process.communicate()


def test_a_chosen_port_is_used(tmp_path: Path) -> None:
    with listening() as port:
        pass
    instance = Instance.create("one", tmp_path, gateway=port)
    assert instance.gateway_url == f"http://127.0.0.1:{port}"


def test_a_chosen_port_that_another_component_had_is_taken_from_it(tmp_path: Path) -> None:
    before = Instance.create("one", tmp_path)
    after = Instance.create("one", tmp_path, gateway=before.ports.prometheus)
    assert after.ports.gateway == before.ports.prometheus
    assert after.ports.prometheus != before.ports.prometheus


def test_a_chosen_port_in_use_is_refused_by_its_name(tmp_path: Path) -> None:
    with listening() as port, pytest.raises(PortTaken, match=f"port {port}, asked for envoy admin, is in use"):
        Instance.create("one", tmp_path, envoy_admin=port)
    with pytest.raises(NoInstance):
        Instance.load(tmp_path)


@pytest.mark.parametrize("content", [None, "", "{}", '{"name": "one"}'])
def test_a_folder_without_a_readable_instance_is_no_playground(tmp_path: Path, content: str | None) -> None:
    if content is not None:
        (tmp_path / "instance.json").write_text(content)
    with pytest.raises(NoInstance, match="modelwright playground up"):
        Instance.load(tmp_path)
