"""KServe as a router: its InferenceService read as two versions, and the few fields of it that a rollout writes."""
