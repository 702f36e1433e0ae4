"""Message catalogues: extraction and compilation for maintainers."""
