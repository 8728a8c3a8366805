"""Rollouts of InferenceServices with the real KServe, and in Knative mode with Knative Serving's real controllers."""
