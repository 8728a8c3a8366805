"""Child processes that never outlive their parent, however it ends."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
# Loaded here, not in the child: between fork and exec only the simplest calls are safe.
_libc = ctypes.CDLL(None, use_errno=True)


def dies_with_parent() -> Callable[[], None]:
    """A `preexec_fn` after which the kernel kills the child as soon as this process is gone.

    TRAP: to the kernel, "parent" is the *thread* that forked. Start children from the main thread only, never from a
    pool.
    """
    parent = os.getpid()

    def prepare() -> None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        # Closes the gap between fork and prctl, in which the parent may already have died.
        if os.getppid() != parent:
            os._exit(1)

    return prepare


def signal_group(pid: int, number: signal.Signals) -> None:
    """Send a signal to the process group that `pid` leads; one that is gone already is fine."""
    try:
        os.killpg(pid, number)
    except ProcessLookupError:
        return
