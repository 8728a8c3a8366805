"""Model registries that the platform configured: which version an alias names. Asked in the background."""
