"""Rollouts over a VirtualService with the real istiod, which tells a real Envoy what the VirtualService means."""
