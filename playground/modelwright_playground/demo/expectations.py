"""What the demo promises, as sentences with evidence: each is checked when its time has come, and kept."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Expectation:
    name: str
    ok: bool
    evidence: str


@dataclass
class Expectations:
    """`tell` is called with each expectation as it is decided."""

    tell: Callable[[Expectation], None]
    decided: list[Expectation] = field(default_factory=list)

    def check(self, name: str, ok: bool, evidence: str) -> bool:
        expectation = Expectation(name, ok, evidence)
        self.decided.append(expectation)
        self.tell(expectation)
        return ok

    @property
    def all_hold(self) -> bool:
        return bool(self.decided) and all(expectation.ok for expectation in self.decided)
