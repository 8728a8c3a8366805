"""Checks against the real programs of others that are too heavy for every `make test`: their builds take long."""
