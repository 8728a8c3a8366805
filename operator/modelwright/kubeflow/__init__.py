"""The edge to Kubeflow Pipelines and to the storage that evaluations and models are read from."""
