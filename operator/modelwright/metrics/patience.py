"""How long a source that fails is left alone. Pure: times are arguments, and so is the chance.

One failure says nothing about the source, so that it delays only its own question. Several in a row do: then nobody
asks for a moment, so that a source which is down holds no thread for its time-out, question after question.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

FEW = 4
"""So many failures in a row, of whichever questions, are no accident."""
FIRST_PAUSE = 1.0
LONGEST_PAUSE = 30.0


def backed_off(failures: int, chance: float, *, first: float = FIRST_PAUSE, longest: float = LONGEST_PAUSE) -> float:
    """Seconds to wait after so many failures in a row, at least one. `chance` in [0, 1) spreads them by ± a fifth."""
    return min(longest, first * 2.0 ** min(failures - 1, 20)) * (0.8 + 0.4 * chance)


@dataclass(frozen=True)
class Patience:
    """What is known of one source's health: failures in a row, and until when (unix seconds) it is left alone."""

    failures: int = 0
    until: float = 0.0
    said: str = ""

    def failed(self, now: float, chance: float, message: str, retry_after: float | None = None) -> Patience:
        """After a failure that is the source's. It may say for how long it wants to be left alone."""
        failures = self.failures + 1
        pause = backed_off(failures - FEW + 1, chance) if failures >= FEW else 0.0
        if retry_after:
            # Everybody was told the same number of seconds: spread them, and only to the later side.
            pause = max(pause, retry_after * (1.0 + 0.2 * chance))
        return replace(self, failures=failures, until=max(self.until, now + pause), said=message)

    def answered(self) -> Patience:
        return Patience()

    def waits(self, now: float) -> float:
        """For how many seconds nobody should ask."""
        return max(0.0, self.until - now)
