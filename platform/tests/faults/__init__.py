"""What happens when processes die while work arrives."""
