"""The API of one's own log-in: the same on a tenant's host and on the operators'."""
