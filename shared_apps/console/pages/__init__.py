"""The operators' pages on the base host."""
