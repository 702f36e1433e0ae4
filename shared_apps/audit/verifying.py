"""Checking the audit trail: every entry, where it begins, and the anchors that were set outside."""

import dataclasses
import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import Final

from kernel import tenancy

from shared_apps.audit.chain import GENESIS, IMPORTED, PRUNED, entry_hash, is_well_formed, sealed_row
from shared_apps.audit.models import AuditEntry

CHUNK: Final = 1000
Told = Callable[[int], None]


@dataclasses.dataclass(frozen=True, slots=True)
class Verdict:
    """What a check found. `reason` is empty for a good chain, otherwise `altered`, `missing`, `truncated` or `unlike_anchor`."""

    broken_at: int | None
    reason: str
    entries: int
    first: int
    last: int

    @property
    def is_good(self) -> bool:
        """Whether every entry is there as it was written."""
        return self.broken_at is None


def verify(*, anchors: Mapping[int, bytes] | None = None, told: Told = lambda _: None) -> Verdict:
    """Walks the chain of the schema in scope and names the first entry that is missing or altered.

    Entries before a boundary `audit.imported` were written for the tenant that was exported: with the same secret key they are
    checked one by one under that tenant's key, otherwise by their links and the digest that the boundary holds over all of them.
    Entries that were removed because of their age must be named by an entry `audit.pruned`. `anchors` maps numbers to hashes
    that were seen earlier; those of removed entries are passed over. `told` hears of each entry.
    """
    while True:
        begins = _first_number()
        verdict = _Walk(anchors or {}, told).run()
        if verdict.is_good or _first_number() == begins:
            return verdict  # else old entries were removed meanwhile


def entries_in_order() -> Iterator[AuditEntry]:
    """All entries, oldest first, in pages: a chain may be longer than memory."""
    last: int | None = None
    while True:
        rows = AuditEntry.objects.order_by("n")
        page = list((rows if last is None else rows.filter(n__gt=last))[:CHUNK])
        yield from page
        if len(page) < CHUNK:
            return
        last = page[-1].n


def _first_number() -> int | None:
    return AuditEntry.objects.order_by("n").values_list("n", flat=True).first()


@dataclasses.dataclass(frozen=True, slots=True)
class _Segment:
    """The entries up to `last` carry the hashes of the tenant `owner`."""

    last: int
    owner: str
    is_ours: bool


class _Walk:
    """One pass over the chain."""

    def __init__(self, anchors: Mapping[int, bytes], told: Told) -> None:
        self.anchors, self.told = anchors, told
        self.segments = _segments()
        self.has_boundaries = bool(self.segments)
        self.seen = hashlib.sha256()
        self.first = self.last = self.count = 0
        self.start = self.previous = GENESIS
        self.was_ours = True
        """Whether the entry before this one was checked under its own key."""
        self.is_attested = False
        """Whether a boundary's digest has proved where the chain begins."""
        self.cuts: dict[int, str] = {}
        """What entries `audit.pruned` say was removed: the last number and its hash."""

    def run(self) -> Verdict:
        """The verdict over the chain as it is."""
        for entry in entries_in_order():
            if not self.count:
                self.first, self.last = entry.n, entry.n - 1
                self.start = self.previous = bytes(entry.previous_hash)
            if fault := self._fault(entry):
                return self._verdict(*fault)
            if self.has_boundaries:  # nothing else asks for the digest
                self.seen.update(sealed_row(entry))
            self.last, self.previous = entry.n, bytes(entry.hash)
            self.count += 1
            self.told(entry.n)
        return self._beginning() or self._ending() or self._verdict(None, "")

    def _fault(self, entry: AuditEntry) -> tuple[int, str] | None:
        while self.segments and entry.n > self.segments[0].last:
            self.segments.pop(0)
        owner = self.segments[0] if self.segments else _Segment(last=0, owner=tenancy.scope_key(), is_ours=True)
        here = self.last + 1
        if entry.n != here:
            return here, "missing"
        if bytes(entry.previous_hash) != self.previous or not is_well_formed(entry):
            return here, "altered"
        if owner.is_ours and bytes(entry.hash) != entry_hash(entry, self.previous, owner.owner):
            return here, "altered"
        if bytes(entry.hash) != self.anchors.get(entry.n, bytes(entry.hash)):
            return here, "unlike_anchor"
        if entry.action == PRUNED and owner.is_ours:
            self.cuts[int(entry.changes["upto"][1])] = str(entry.changes["hash"][1])
        fault = self._boundary_fault(entry) if entry.action == IMPORTED else None
        self.was_ours = owner.is_ours
        return fault

    def _boundary_fault(self, entry: AuditEntry) -> tuple[int, str] | None:
        if entry.changes.get("digest") == self.seen.hexdigest():
            self.is_attested = True
            return None
        if self.first > 1 and entry.changes.get("is_ours"):
            return None  # the beginning is gone because of its age, and the rest was checked one by one
        return (entry.n if self.was_ours else self.first), "altered"  # one of those before it, and their hashes cannot tell which

    def _beginning(self) -> Verdict | None:
        """A chain begins with entry 1, or behind what an entry of its own says was removed."""
        is_whole = self.first == 1 and self.start == GENESIS
        if not self.count or is_whole or self.is_attested or self.cuts.get(self.first - 1) == self.start.hex():
            return None
        known = [number for number in self.cuts if number < self.first - 1]
        return self._verdict(max(known, default=0) + 1, "missing")

    def _ending(self) -> Verdict | None:
        is_cut = any(number > self.last for number in self.anchors)
        return self._verdict(self.last + 1, "truncated") if is_cut else None

    def _verdict(self, broken_at: int | None, reason: str) -> Verdict:
        return Verdict(broken_at=broken_at, reason=reason, entries=self.count, first=self.first, last=self.last)


def _segments() -> list[_Segment]:
    boundaries = AuditEntry.objects.filter(action=IMPORTED).order_by("n").values_list("n", "changes")
    found = [_Segment(n - 1, str(changes.get("origin")), bool(changes.get("is_ours"))) for n, changes in boundaries]
    # What came here from elsewhere had come there from somewhere: before a foreign boundary nothing is ours.
    for position in range(len(found) - 2, -1, -1):
        if not found[position + 1].is_ours:
            found[position] = dataclasses.replace(found[position], is_ours=False)
    return found
