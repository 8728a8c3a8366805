"""Replays a RetrainPolicy over the past: the very planner, with recorded looks instead of live ones."""
