"""Ways to the outside: identity providers and the name system."""
