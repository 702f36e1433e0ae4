"""The two URL maps: tenant hosts and the base host."""
