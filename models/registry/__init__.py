"""The registry: versions, policies, rollouts, and their storage in bundles and the database."""
