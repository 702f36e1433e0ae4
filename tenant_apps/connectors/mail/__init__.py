"""Mail as a pure library: bytes in, values out; no database, no settings, no clock but the ones passed in."""
