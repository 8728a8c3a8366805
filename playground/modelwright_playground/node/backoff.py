"""How long a container waits before it starts again. Pure."""

from __future__ import annotations

from dataclasses import dataclass

CAP_SECONDS = 300.0
RESET_AFTER_SECONDS = 600.0


@dataclass(frozen=True)
class Backoff:
    """`next_seconds` is the wait before the next start: none after the first end, then `base`, doubling up to the cap.

    As the kubelet's: the first restart is immediate, and a container that ran for ten minutes starts afresh.
    """

    base: float = 10.0
    next_seconds: float = 0.0

    def after(self, ran_seconds: float) -> tuple[float, Backoff]:
        """The wait for a container that just ended after `ran_seconds`, and the state that follows."""
        wait = 0.0 if ran_seconds >= RESET_AFTER_SECONDS else self.next_seconds
        following = min(wait * 2, CAP_SECONDS) if wait else min(self.base, CAP_SECONDS)
        return wait, Backoff(self.base, following)


def restarts(policy: str, exit_code: int) -> bool:
    """Whether a container of a pod with this restartPolicy starts again."""
    return policy == "Always" or (policy == "OnFailure" and exit_code != 0)
