"""Checks the audit chains of every tenant and of the public schema, against the anchors that were set outside."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from kernel import tenancy
from kernel.tenancy import TenantRef

from shared_apps.audit.trail import head
from shared_apps.audit.verifying import Verdict, verify
from shared_apps.tenants.anchors import anchors_of
from shared_apps.tenants.management.progress import BarReporter, reporting

_WORDS = {
    "altered": "broken at entry {n}: it was altered, or belongs elsewhere",
    "missing": "broken at entry {n}: it is missing",
    "unlike_anchor": "broken at entry {n}: an anchor has another hash",
    "truncated": "truncated after entry {last}: an anchor names entry {anchored}",
}


class Command(BaseCommand):
    """Exit status 1 where a chain or an anchor is not what was written; each line names the first bad entry."""

    help = "Verifies the audit chains"

    def add_arguments(self, parser: Any) -> None:  # Any: argparse
        parser.add_argument("--tenant", help="slug of one tenant, or `public`; without it all of them")
        parser.add_argument("--anchors", help="a file of anchors; without it that of ATENDE_AUDIT_ANCHORS, where it exists")

    def handle(self, *args: Any, **options: Any) -> None:  # Any: Django's signature
        file = _file(options["anchors"])
        with reporting() as reporter:
            results = [self._check(name, tenant, file, reporter) for name, tenant in _chains(options["tenant"])]
        if not all(results):
            raise SystemExit(1)

    def _check(self, name: str, tenant: TenantRef | None, file: Path | None, reporter: BarReporter) -> bool:
        anchors, wrong = anchors_of(tenant.id if tenant else None, file=file)
        with tenancy.tenant_scope(tenant) if tenant else tenancy.public_scope():
            total = head()["entries"]
            verdict = verify(anchors=anchors, told=lambda n: reporter.reached(name, n, total) if n % 500 == 0 else None)
        self.stdout.write(f"{name}: {_told(verdict, anchors)}")
        if wrong:
            self.stdout.write(f"{name}: {wrong} anchors were altered")
        return verdict.is_good and not wrong


def _told(verdict: Verdict, anchors: dict[int, bytes]) -> str:
    if verdict.is_good:
        checked = sum(number >= verdict.first for number in anchors)
        return f"intact, {verdict.entries} entries, {checked} anchors"
    return _WORDS[verdict.reason].format(n=verdict.broken_at, last=verdict.last, anchored=max(anchors, default=0))


def _chains(slug: str | None) -> Iterator[tuple[str, TenantRef | None]]:
    if slug in {None, "public"}:
        yield "public", None
    wanted = [tenant for tenant in tenancy.active_tenants() if slug in {None, tenant.slug}]
    if slug not in {None, "public"} and not wanted:
        raise CommandError(f"There is no active tenant {slug}")
    yield from ((tenant.slug, tenant) for tenant in wanted)


def _file(named: str | None) -> Path | None:
    file = Path(named or settings.ATENDE_AUDIT_ANCHORS) if named or settings.ATENDE_AUDIT_ANCHORS else None
    if named and file is not None and not file.is_file():
        raise CommandError(f"There is no file {file}")
    return file if file is not None and file.is_file() else None
