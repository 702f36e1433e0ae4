"""What `make check` checks."""
