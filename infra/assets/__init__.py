"""Vendored assets: how the icon sprite is packed."""
