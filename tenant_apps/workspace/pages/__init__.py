"""The pages of a tenant's staff: parse, ask a selector or a service, draw."""
