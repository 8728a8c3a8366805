"""The audit trail: one line for each decision, chained by hashes, so that what was changed afterwards shows."""
