"""Kubeflow Pipelines for the playground: its v2beta1 REST API over the SDK's own local runner, one process a run."""
