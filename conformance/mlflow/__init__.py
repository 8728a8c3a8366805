"""A real MLflow server: aliases that are followed and set, versions that are registered, webhooks that it sends."""
