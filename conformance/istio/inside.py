"""What runs in the new network: pytest, once the pods' addresses are there."""

from __future__ import annotations

import sys

import pytest

from conformance.network import make_local

if __name__ == "__main__":
    make_local()
    sys.exit(pytest.main(sys.argv[1:]))
