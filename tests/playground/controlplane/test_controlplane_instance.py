"""Two playgrounds never share a port or an address, and one keeps its own from start to start."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import pytest

from modelwright_playground.instance import (
    KUBELET_PORT,
    SUBNETS,
    Instance,
    NoInstance,
    PortTaken,
    holding_subnet,
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
