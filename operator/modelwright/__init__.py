"""Modelwright sees that a model in production got worse, has it retrained, and moves traffic to the result."""

__version__ = "0.1.0"
