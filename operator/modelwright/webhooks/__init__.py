"""Webhooks that the platform configured: asked before a step, told after it. In the background."""
