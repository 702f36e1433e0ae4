"""One file for each connector; every module here is imported at start."""
