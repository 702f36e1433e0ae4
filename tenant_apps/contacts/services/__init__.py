"""What can be done with contacts."""

from kernel.uow import record, record_audit, unit_of_work

from tenant_apps.contacts.events import ContactCreated
from tenant_apps.contacts.models import Contact, Identity, IdentityKind

MAX_NAME = 160


def normalise_email(email: str) -> str:
    """The form in which addresses are compared: trimmed, lower case."""
    return email.strip().lower()


@unit_of_work
def contact_for_email(*, email: str, name: str = "") -> Contact:
    """The contact with this address, created where nobody has it. A known contact's name is filled in, never replaced."""
    return _contact_for(kind=IdentityKind.EMAIL, value=normalise_email(email), name=name, email=normalise_email(email))


@unit_of_work
def contact_for_external(*, source: str, external_id: str, name: str = "", email: str | None = None) -> Contact:
    """The contact that an outside system knows as `external_id`, created where it is new.

    The e-mail address is a hint for display and answers: it never joins two contacts, since nothing proves it.
    """
    return _contact_for(kind=IdentityKind.EXTERNAL, value=f"{source}:{external_id}"[:320], name=name, email=normalise_email(email or ""))


def _contact_for(*, kind: str, value: str, name: str, email: str) -> Contact:
    known = Identity.objects.select_related("contact").filter(kind=kind, value=value).first()
    if known is not None:
        contact = known.contact
        if name and not contact.name:
            contact.name = name[:MAX_NAME]
            contact.save(update_fields=["name", "updated_at"])
            # which field, not what: a person may be erased, an entry may not
            record_audit(action="contact.update", object_type="contact", object_id=contact.public_id, changes={"fields": [None, ["name"]]})
        return contact
    contact = Contact.objects.create(name=name.strip()[:MAX_NAME], email=email[:254])
    identity, created = Identity.objects.get_or_create(kind=kind, value=value, defaults={"contact": contact})
    if not created:  # another transaction was faster and has committed
        contact.delete()
        return identity.contact
    record(ContactCreated(aggregate_id=contact.public_id))
    record_audit(action="contact.create", object_type="contact", object_id=contact.public_id, changes={"kind": [None, kind]})
    return contact
