"""Who has which pod subnet, as long as nobody listens in it yet: names in the kernel's abstract socket namespace.

They are no files, and gone with the process that holds them.
"""

from __future__ import annotations

import socket
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager, suppress

MOST_CHOSEN = 8
"""A process that makes one instance after the other, as tests do, keeps the subnets of so many for them."""

_chosen: OrderedDict[int, socket.socket] = OrderedDict()


def choose(subnet: int) -> bool:
    """Claim the subnet for an instance that this process makes. False where somebody else has it.

    Held until this process is gone or has chosen MOST_CHOSEN others: by then whatever runs in it holds it.
    """
    if subnet in _chosen:
        _chosen.move_to_end(subnet)
        return not _is_taken(_running(subnet))
    claim = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        claim.bind(_chosen_for(subnet))
    except OSError:
        claim.close()
        return False
    if _is_taken(_running(subnet)):
        claim.close()
        return False
    _chosen[subnet] = claim
    if len(_chosen) > MOST_CHOSEN:
        _, oldest = _chosen.popitem(last=False)
        oldest.close()
    return True


@contextmanager
def holding_subnet(subnet: int) -> Iterator[None]:
    """Claims the subnet for as long as the instance runs, also while no node listens in it.

    Whoever comes second goes on without it: then its node says what is in its way.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as claim:
        with suppress(OSError):
            claim.bind(_running(subnet))
        yield


def _is_taken(name: str) -> bool:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        try:
            probe.bind(name)
        except OSError:
            return True
        return False


def _running(subnet: int) -> str:
    return f"\0modelwright-playground-subnet-{subnet}"


def _chosen_for(subnet: int) -> str:
    return f"\0modelwright-playground-subnet-{subnet}-chosen"
