"""Demonstration data: two tenants with months of believable conversations. Never loaded in production."""
