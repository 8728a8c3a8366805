"""The order of the tests, and which of them stay together where several processes share them (`pytest -n`)."""

from __future__ import annotations

from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

# The shared playground of the end-to-end tests comes up once, for these.
ONE_LOOP = ("tests/e2e/test_bad_input.py", "tests/e2e/test_operator_is_killed.py", "tests/e2e/test_kubectl.py")
POLITE, DEMO = "tests/e2e/test_demo_is_polite.py", "tests/e2e/test_demo.py"
# What takes longest begins first, so that no process is left with it at the end.
LONGEST = (*ONE_LOOP, "tests/contract/test_uninstall.py", POLITE)
LAST = (*ONE_LOOP, POLITE, DEMO)


class Together(LoadScopeScheduling):  # type: ignore[misc]
    """Tests of one group run in one process, one after the other: those of a file, which may share what it started."""

    def __init__(self, config: pytest.Config, log: Any = None) -> None:
        super().__init__(config, log)
        # The order is ours, not that of the numbers of tests.
        config.option.loadscopereorder = False

    def _split_scope(self, nodeid: str) -> str:
        place = file_of(nodeid)
        return "loop" if place in ONE_LOOP else place


def file_of(nodeid: str) -> str:
    return nodeid.partition("::")[0]


def in_order(item: pytest.Item) -> int:
    """Sorted by this, a run in several processes begins with the slowest tests, one in one process ends with them."""
    place = file_of(item.nodeid)
    if hasattr(item.config, "workerinput"):
        return LONGEST.index(place) if place in LONGEST else len(LONGEST)
    return 1 + LAST.index(place) if place in LAST else 0
