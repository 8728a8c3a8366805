"""Events over HTTP: authenticated, understood, matched with triggers, stored in status, and only then accepted."""
