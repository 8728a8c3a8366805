"""From a pod's address in the API to the address where its process listens.

The API server refuses loopback addresses in EndpointSlices, so pods have 10.x there and listen on 127.x.
"""

from __future__ import annotations


def local_address(pod_ip: str) -> str:
    """10.a.b.c becomes 127.a.b.c; every other address is a real one and stays."""
    first, _, rest = pod_ip.partition(".")
    return f"127.{rest}" if first == "10" else pod_ip
