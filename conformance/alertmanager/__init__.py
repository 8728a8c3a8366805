"""A real Alertmanager sends its webhook to the operator's address for events."""
