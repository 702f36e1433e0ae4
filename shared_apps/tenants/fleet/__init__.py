"""Bringing many tenants from one schema version to the next: scripts, runs, data changes, and who may be served meanwhile."""
