"""The whole API under generated requests."""
