"""Which code may serve which schema while a deploy rolls.

Code of fingerprint C serves a schema of fingerprint S where the two are equal, or where the artefact of S names C in `serves`. It is
filled in two places: when an artefact is built, by the two declarations below, and when a script turns out to change nothing.
Everything else is closed with 503 for the tenant alone, until it is migrated.
"""

from typing import Final

from kernel import tenancy

from shared_apps.tenants.fingerprint import tenant_fingerprint
from shared_apps.tenants.models import Artefact

PREVIOUS_CODE_SERVES_THIS_SCHEMA: Final = True
"""Expand and migrate: the release before this one runs on this release's schemas. A release that contracts says False."""

THIS_CODE_SERVES_PREVIOUS_SCHEMA: Final = False
"""Whether this release runs on schemas of the one before. True only where it reads no column or table that the last one lacked."""


def may_serve(schema: str) -> bool:
    """Whether this process may serve a schema of this fingerprint. Asks the registry only where it is not the current one.

    Enters the public scope by itself.
    """
    if schema == tenant_fingerprint():
        return True
    with tenancy.public_scope():
        serves = Artefact.objects.filter(fingerprint=schema).values_list("serves", flat=True).first()
    return tenant_fingerprint() in (serves or [])


def declare(fingerprint: str) -> None:
    """Writes the declarations down for a new artefact and the one built before it."""
    previous = Artefact.objects.exclude(fingerprint=fingerprint).order_by("-created_at", "-fingerprint").first()
    if previous is None:
        return
    if PREVIOUS_CODE_SERVES_THIS_SCHEMA:
        allow(code=previous.fingerprint, schema=fingerprint)
    if THIS_CODE_SERVES_PREVIOUS_SCHEMA:
        allow(code=fingerprint, schema=previous.fingerprint)


def allow(*, code: str, schema: str) -> None:
    """Lets code of one fingerprint serve schemas of another."""
    artefact = Artefact.objects.filter(fingerprint=schema).first()
    if artefact is not None and code not in artefact.serves:
        artefact.serves = [*artefact.serves, code]
        artefact.save(update_fields=["serves"])
