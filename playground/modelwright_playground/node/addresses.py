"""Which address each pod has: 10.244.s.n in the API, 127.244.s.n on this machine."""

from __future__ import annotations

from dataclasses import dataclass, field

from modelwright_playground.node.errors import CannotStart


@dataclass
class Addresses:
    """Hands out 10.244.<subnet>.2 to .254, the longest unused first: traffic to a pod that just went finds nobody."""

    subnet: int
    _owners: dict[str, str] = field(default_factory=dict)
    _next: int = 2

    @property
    def node(self) -> str:
        return f"127.244.{self.subnet}.1"

    def claim(self, uid: str, wish: str | None = None) -> str:
        """The address of pod `uid`: the one it has, else `wish` if that is free and ours, else a new one."""
        for address, owner in self._owners.items():
            if owner == uid:
                return address
        if wish and wish.startswith(f"10.244.{self.subnet}.") and wish not in self._owners:
            self._owners[wish] = uid
            return wish
        for _ in range(253):
            address = f"10.244.{self.subnet}.{self._next}"
            self._next = self._next + 1 if self._next < 254 else 2
            if address not in self._owners:
                self._owners[address] = uid
                return address
        raise CannotStart("OutOfAddresses", "all 253 addresses of this node are in use; delete pods")

    def release(self, uid: str) -> None:
        self._owners = {address: owner for address, owner in self._owners.items() if owner != uid}
