"""How much more counts vary than independent observations would: decides nothing, tells how far evidence reaches.

Errors of one sticky user, connection or pod come in bursts; ten of them in one burst say hardly more than one. The
dispersion is the variance of the counts over that of independent ones. Each stretch is compared with what was usual
lately, not with the whole past, so that a rate that moves slowly with the hour does not look like bursts. Bursts may
last longer than a block, so it is estimated at several lengths, and the largest counts. It is at least 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace

SCALES = (1, 6, 36)
"""Lengths at which it is estimated, in blocks: 10 s, 1 min, 6 min."""
# With fewer stretches compared the estimate at a length is mostly chance.
_LEAST_COMPARED = 4
# "Lately" is about as many stretches.
_MEMORY = 8


@dataclass(frozen=True)
class _Scale:
    """One length: the open stretch, what was usual lately, and what the deviations from it add up to."""

    blocks: int = 0
    amount: float = 0.0
    count: int = 0
    usual: float = 0.0
    stretches: int = 0
    squares: float = 0.0

    def added(self, amount: float, count: int, length: int) -> _Scale:
        now = replace(self, blocks=self.blocks + 1, amount=self.amount + amount, count=self.count + count)
        if now.blocks < length or now.count == 0:
            return now
        rate = now.amount / now.count
        if now.stretches == 0:
            return _Scale(usual=rate, stretches=1)
        memory = min(now.stretches, _MEMORY)
        deviation = rate - now.usual
        return _Scale(
            usual=now.usual + deviation / (memory + 1),
            stretches=now.stretches + 1,
            # The usual rate is uncertain as well, like the mean of as many stretches.
            squares=now.squares + deviation * deviation * now.count / (1 + 1 / memory),
        )


@dataclass(frozen=True)
class Dispersion:
    """Of one arm. Add what each block counted: events (or the sum) among observations."""

    scales: tuple[_Scale, ...] = (_Scale(),) * len(SCALES)

    def added(self, amount: float, count: int) -> Dispersion:
        """With one more block."""
        return Dispersion(
            tuple(scale.added(amount, count, length) for scale, length in zip(self.scales, SCALES, strict=True))
        )

    def factor(self, variance: float) -> float:
        """At least 1, for observations of which one has this `variance`."""
        if variance <= 0:
            return 1.0
        known = [scale.squares / (scale.stretches - 1) for scale in self.scales if scale.stretches > _LEAST_COMPARED]
        return max([1.0, *(one / variance for one in known)])

    @property
    def settled(self) -> bool:
        """Whether it is known at all lengths: after half an hour."""
        return all(scale.stretches > _LEAST_COMPARED for scale in self.scales)

    def numbers(self) -> list[list[float]]:
        """For serialising; `of` reads it back."""
        return [list(astuple(scale)) for scale in self.scales]

    @classmethod
    def of(cls, numbers: Sequence[Sequence[float]]) -> Dispersion:
        """What `numbers` wrote. Raises ValueError where it cannot have."""
        scales = tuple(
            _Scale(int(blocks), float(amount), int(count), float(usual), int(stretches), float(squares))
            for blocks, amount, count, usual, stretches, squares in numbers
        )
        if len(scales) != len(SCALES):
            raise ValueError(f"expected {len(SCALES)} lengths, found {len(scales)}")
        return cls(scales)
