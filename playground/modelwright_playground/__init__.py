"""A whole cluster on a laptop, without containers: every component is a real one, run as a local process."""
