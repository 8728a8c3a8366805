"""One playground: where it keeps its state, which ports it listens on and which addresses its pods get.

Decides free ports and a free pod subnet when an instance is made, and keeps them in `instance.json`, from which every
component reads them. Two playgrounds on one machine never share a port or an address.
"""

from __future__ import annotations

import json
import os
import random
import socket
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from modelwright.errors import ModelwrightError
from modelwright_playground.claims import choose

REPOSITORY = Path(__file__).resolve().parents[2]
KUBELET_PORT = 10250
POD_PROXY_PORT = 3128
# Below the range from which the kernel serves outgoing connections: a port found free there may be taken a moment
# later by anybody's client.
PORT_RANGE = range(20000, 32000)
SUBNETS = range(1, 255)
PORTS_EACH = len(PORT_RANGE) // (SUBNETS.stop + 1)
"""Ports go with the subnet: who has claimed one has these to choose from, and nobody else takes them meanwhile."""


class PortTaken(ModelwrightError):
    """A port that a person chose is in use."""


class NoInstance(ModelwrightError):
    """There is no playground in this folder, or its description cannot be read."""


@dataclass(frozen=True)
class Ports:
    """TCP ports on 127.0.0.1."""

    etcd: int
    etcd_peer: int
    apiserver: int
    prometheus: int
    gateway: int
    envoy_admin: int
    kubeflow: int
    load: int


@dataclass(frozen=True)
class Instance:
    """One playground. `subnet` n: its pods are 10.244.n.x in the API and listen on 127.244.n.x."""

    name: str
    dir: Path
    repo: Path
    subnet: int
    ports: Ports

    @classmethod
    def create(cls, name: str, dir: Path, **ports: int) -> Instance:
        """Make or refresh the instance in `dir`, and save it.

        What the instance had before is kept where it is still free. `ports` are a person's choice, by name of port:
        PortTaken when one is in use.
        """
        for port_name, port in ports.items():
            if not is_free("127.0.0.1", port):
                raise PortTaken(
                    f"port {port}, asked for {port_name.replace('_', ' ')}, is in use by another program: "
                    "choose another one, or leave the choice to the playground"
                )
        try:
            before: Instance | None = cls.load(dir)
        except NoInstance:
            before = None
        subnet = _subnet(before)
        instance = cls(
            name=name,
            dir=dir.resolve(),
            repo=REPOSITORY,
            subnet=subnet,
            ports=_ports(before, ports, subnet),
        )
        instance.save()
        return instance

    @classmethod
    def load(cls, dir: Path) -> Instance:
        """Read the instance of `dir`; NoInstance where there is none."""
        try:
            saved = json.loads((dir / "instance.json").read_text())
            return cls(
                name=saved["name"],
                dir=dir.resolve(),
                repo=Path(saved["repo"]),
                subnet=saved["subnet"],
                ports=Ports(**saved["ports"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise NoInstance(f"no playground in {dir}: `modelwright playground up` makes one") from error

    def save(self) -> None:
        """Write `instance.json`, whole or not at all."""
        self.dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        saved = {"name": self.name, "repo": str(self.repo), "subnet": self.subnet, "ports": asdict(self.ports)}
        temporary = self.dir / f".instance.{os.getpid()}.json"
        temporary.write_text(json.dumps(saved, indent=2) + "\n")
        temporary.replace(self.dir / "instance.json")

    @property
    def kubeconfig(self) -> Path:
        """Credentials of an administrator (group system:masters)."""
        return self.dir / "kubeconfig"

    @property
    def logs(self) -> Path:
        return self.dir / "logs"

    @property
    def pki(self) -> Path:
        """Certificates and keys: `ca.crt`, `node.crt`, `node.key` and the control plane's own."""
        return self.dir / "pki"

    @property
    def data(self) -> Path:
        """What components keep from one start to the next, one folder each."""
        return self.dir / "data"

    @property
    def ready(self) -> Path:
        """One file per room of ours that is ready, written by the room."""
        return self.dir / "ready"

    @property
    def node_address(self) -> str:
        """Where the node's kubelet API listens, on port KUBELET_PORT. Listening there is the claim on the subnet."""
        return f"127.244.{self.subnet}.1"

    @property
    def pod_proxy_url(self) -> str:
        """An HTTP proxy into the pod network, for programs that know pods by their addresses in the API."""
        return f"http://{self.node_address}:{POD_PROXY_PORT}"

    @property
    def apiserver_url(self) -> str:
        return f"https://127.0.0.1:{self.ports.apiserver}"

    @property
    def prometheus_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.prometheus}"

    @property
    def gateway_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.gateway}"

    @property
    def kubeflow_url(self) -> str:
        return f"http://127.0.0.1:{self.ports.kubeflow}"


def default_dir(name: str) -> Path:
    """The state folder of the instance called `name`, where no other was asked for."""
    state = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(state) / "modelwright" / name


def is_free(address: str, port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the servers themselves do: without it, a connection in TIME_WAIT looks like a port in use.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((address, port))
            probe.listen(1)
        except OSError:
            return False
        return True


def _ports(before: Instance | None, chosen: dict[str, int], subnet: int) -> Ports:
    names = [field.name for field in fields(Ports)]
    kept = {
        name: port
        for name, port in (asdict(before.ports) if before else {}).items()
        if port not in chosen.values() and is_free("127.0.0.1", port)
    }
    candidates = _free_ports(subnet, taken={*chosen.values(), *kept.values()})
    return Ports(**{name: chosen.get(name) or kept.get(name) or next(candidates) for name in names})


def _free_ports(subnet: int, taken: set[int]) -> Iterator[int]:
    first = PORT_RANGE.start + subnet * PORTS_EACH
    own = range(first, first + PORTS_EACH)
    others = (port for port in random.sample(PORT_RANGE, len(PORT_RANGE)) if port not in own)
    for port in (*own, *others):
        if port not in taken and is_free("127.0.0.1", port):
            yield port
    raise PortTaken(f"no free port between {PORT_RANGE.start} and {PORT_RANGE.stop - 1}")


def _subnet(before: Instance | None) -> int:
    # A random order: the processes of a pod that was there a moment ago may not all be gone yet.
    order = ([before.subnet] if before else []) + random.sample(SUBNETS, len(SUBNETS))
    for subnet in order:
        if is_free(f"127.244.{subnet}.1", KUBELET_PORT) and choose(subnet):
            return subnet
    raise PortTaken(f"all {len(SUBNETS)} pod subnets of this machine are in use: stop a playground first")
