"""A network of its own for a check: in it the addresses that pods have in the API are those of this machine.

The kernel gives every user one (a user namespace and a network namespace): no root, no interface of the machine is
touched, all ports are free, nothing from outside gets in and nothing gets out. So what needs the network comes first.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import socket
import struct
import subprocess
from collections.abc import Sequence

from modelwright.errors import ModelwrightError
from modelwright_playground.addresses import OWN_ADDRESSES

PODS, NETMASK = "10.244.0.0", "255.255.0.0"

_SET_FLAGS, _SET_ADDRESS, _SET_NETMASK = 0x8914, 0x8916, 0x891C  # SIOCSIF… of linux/sockios.h
_UP_AND_RUNNING = 0x41


class NoNetwork(ModelwrightError):
    """This machine gives us no network of our own; the message says what is needed."""


def run_inside(command: Sequence[str]) -> int:
    """Run `command` in a new network, and return its exit code. It has to call `make_local` first."""
    unshare = shutil.which("unshare")
    if unshare is None:
        raise NoNetwork("`unshare` is needed (package util-linux), and was not found")
    inside = [unshare, "--user", "--map-root-user", "--net"]
    tried = subprocess.run([*inside, "true"], capture_output=True, text=True)
    if tried.returncode:
        raise NoNetwork(f"user namespaces are needed: Linux refuses them here ({tried.stderr.strip()})")
    return subprocess.call([*inside, *command], env={**os.environ, OWN_ADDRESSES: "1"})


def make_local() -> None:
    """Bring the loopback interface of this new network up, and make every address of a pod one of it."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SET_FLAGS, _named("lo") + struct.pack("h22x", _UP_AND_RUNNING))
        # On this interface the kernel takes a whole range for its own, not only the one address.
        fcntl.ioctl(control, _SET_ADDRESS, _named("lo:pods") + _address(PODS))
        fcntl.ioctl(control, _SET_NETMASK, _named("lo:pods") + _address(NETMASK))


def _named(interface: str) -> bytes:
    return interface.encode().ljust(16, b"\0")


def _address(address: str) -> bytes:
    return struct.pack("HH4s8x8x", socket.AF_INET, 0, socket.inet_aton(address))
