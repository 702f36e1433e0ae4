"""What can go wrong with the registry."""

from kernel.problems import Problem


class TenantNotProvisioned(Problem):
    slug, title, status = "tenant-not-provisioned", "The tenant could not be provisioned", 503


class TenantStateConflict(Problem):
    slug, title, status = "tenant-state-conflict", "The tenant's state does not allow this", 409


class RunUnderWay(Problem):
    slug, title, status = "run-under-way", "A migration run is under way already", 409


class TenantUpToDate(Problem):
    slug, title, status = "tenant-up-to-date", "The tenant's schema is up to date", 409
