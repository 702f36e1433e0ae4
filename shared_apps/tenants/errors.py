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


class OperationRunning(Problem):
    slug, title, status = "operation-running", "Something else is being done with this tenant", 409


class ArchiveRefused(Problem):
    slug, title, status = "archive-refused", "The archive cannot be imported", 422


class ExportRefused(Problem):
    slug, title, status = "export-refused", "The tenant cannot be exported there", 409


class CopyDiffers(Problem):
    slug, title, status = "copy-differs", "The copy does not equal the original", 500


class MoveNotPossible(Problem):
    slug, title, status = "move-not-possible", "The tenant cannot be moved like this", 409


class DeletionUnfinished(Problem):
    slug, title, status = "deletion-unfinished", "Traces of the deleted tenant were found", 500
