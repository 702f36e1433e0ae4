"""What can go wrong with idempotency keys."""

from kernel.problems import Problem


class IdempotencyKeyReused(Problem):
    slug, title, status = "idempotency-key-reused", "This key was used for a different request", 422


class IdempotencyKeyInUse(Problem):
    slug, title, status = "idempotency-key-in-use", "The first request with this key is still running", 409
