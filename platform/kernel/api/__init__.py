"""The thin shell of the HTTP API: base view, strict serializers, keyset pages, ETags, errors, schema."""
