"""Settings: all from the environment, each with a default or a clear failure at start."""
