"""The database backend that applies the tenant in scope and fails closed."""
