"""Tooling around the product: starting it, testing it, checking it, packing it. Nothing here is imported by it."""
