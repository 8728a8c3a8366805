"""Requests to servers that are neither Kubernetes nor Prometheus: bounded, and without a word of their answers."""
