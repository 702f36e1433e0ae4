"""Measurements at scale, each on servers of its own."""
