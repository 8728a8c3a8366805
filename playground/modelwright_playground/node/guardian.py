"""Outlives a node that is killed, for the moment it takes to sweep up the processes its containers had started.

PR_SET_PDEATHSIG reaches only the node's own children; their children would stay. The guardian holds the read end of a
pipe whose write end only the node has: the end of that pipe is the end of the node, however it came about.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from modelwright_playground.node.process import kill_leftovers


class Guardian:
    """The node's side: started with it, and let go when the node closes."""

    def __init__(self, pods: Path) -> None:
        # A session of its own: whoever kills the node's whole process group must not take the guardian along.
        self._process = subprocess.Popen(
            [sys.executable, "-m", "modelwright_playground.node.guardian", str(pods), str(os.getpid())],
            stdin=subprocess.PIPE,
            start_new_session=True,
        )

    def close(self) -> None:
        """Let it sweep and end. Call it once all pods have stopped."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()


def main(pods: Path, owner: int) -> None:
    # A node that is stopped by Ctrl-C or SIGTERM closes the pipe itself, so no signal needs to be handled here.
    sys.stdin.buffer.read()
    kill_leftovers(pods, owner)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
