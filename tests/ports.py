"""Ports for programs that must be told one, and listen there only a while later."""

from __future__ import annotations

import os
from collections.abc import Iterator

from modelwright_playground.instance import PORT_RANGE, is_free

# Below those of playgrounds, and below those that the kernel gives to whoever asks for any port. Each process of
# `pytest -n` has some for itself, and takes no port twice before it has had all.
_RANGE = range(12_000, PORT_RANGE.start)
_PROCESSES = 16


def _ports() -> Iterator[int]:
    number = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _PROCESSES
    each = len(_RANGE) // _PROCESSES
    own = _RANGE[number * each : (number + 1) * each]
    # Another run of the tests may be under way: they hardly begin at the same port.
    begin = os.getpid() % each
    while True:
        yield from (*own[begin:], *own[:begin])


_next = _ports()


def free_port() -> int:
    """A port of 127.0.0.1 on which nobody listens, and which no other process of this run is given."""
    return next(port for port in _next if is_free("127.0.0.1", port))
