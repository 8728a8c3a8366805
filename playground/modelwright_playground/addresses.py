"""From a pod's address in the API to the address where its process listens.

The API server refuses loopback addresses in EndpointSlices, so pods have 10.x there and listen on 127.x. A program
of others dials what the API says. It needs a network in which 10.x is this machine: there pods keep their addresses.
"""

from __future__ import annotations

import os

OWN_ADDRESSES = "MODELWRIGHT_PODS_HAVE_OWN_ADDRESSES"
"""Set, to anything, for a playground in such a network (conformance/network.py)."""


def local_address(pod_ip: str) -> str:
    """10.a.b.c becomes 127.a.b.c; every other address is a real one and stays."""
    first, _, rest = pod_ip.partition(".")
    return f"127.{rest}" if first == "10" and OWN_ADDRESSES not in os.environ else pod_ip
