"""Which versions, policies and rollouts there are, and where they are stored."""
