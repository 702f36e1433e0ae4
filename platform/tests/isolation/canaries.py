"""Tenants whose every text carries a random mark of their own, so that a byte in the wrong place is recognised."""

import base64
import dataclasses
import secrets
import time
import uuid

from django.apps import apps
from django.conf import settings
from django.contrib.auth.models import Group
from django.contrib.sessions.backends.db import SessionStore
from django.db import models
from fido2.utils import websafe_encode
from kernel import tenancy
from kernel.actors import Actor, RequestOrigin, acting_as, coming_from
from kernel.clock import now
from kernel.db.routing import connection_in_scope
from kernel.tenancy import TenantRef
from kernel.uow import unit_of_work
from shared_apps.accounts import passkeys
from shared_apps.accounts import services as accounts
from shared_apps.accounts.models import MailKind, User, UserSession
from shared_apps.accounts.proofs import PROVEN_AT
from shared_apps.accounts.services.invitations import token_of
from shared_apps.accounts.services.mails import token_of_mail, write_mail
from shared_apps.accounts.tests.device import Device
from shared_apps.events.log import last_seq
from shared_apps.events.models import IdempotencyRecord, ParkedEvent
from shared_apps.tenants import services as tenants
from shared_apps.tenants.models import Domain, Tenant
from tenant_apps.access.models import CustomRole, RoleAssignment
from tenant_apps.connectors.models import Inbox
from tenant_apps.contacts import services as contacts
from tenant_apps.contacts.models import Contact
from tenant_apps.intake import services as intake
from tenant_apps.intake.models import InboundEvent
from tenant_apps.messaging import services as messaging
from tenant_apps.messaging.incoming import FileContent, IncomingMessage
from tenant_apps.messaging.models import Conversation, Delivery, Message
from tenant_apps.organization.models import Team, TeamMembership
from tenant_apps.sso.models import Connection, ConnectionDomain, GroupRole, Identity
from tenant_apps.tickets import services as tickets
from tenant_apps.tickets.models import Ticket
from tenant_apps.tickets.services import TicketChanges

from tests.isolation import siblings as siblings_of

ROLES = ("agent", "admin", "owner")
SHARED = {"seq", "view", "expires", "mail_id"}  # parts of addresses that name nobody's rows

# Columns without a mark: what stands there is chosen by code or drawn at random, never written by people.
UNMARKED = {
    "access.CustomRole.key": "random",
    "access.CustomRole.permissions": "names of code",
    "access.CustomRole.visibility": "a closed list",
    "access.InvitationScope.scope_kind": "names of code",
    "access.RoleAssignment.role": "a closed list",
    "access.RoleAssignment.scope_kind": "names of code",
    "accounts.ApiKey.allowed_networks": "addresses of machines",
    "accounts.ApiKey.digest": "random",
    "accounts.ApiKey.scopes": "a closed list",
    "accounts.ApiKey.token_key": "random",
    "account.EmailAddress.email": "a library's table that never has a row",
    "account.EmailConfirmation.key": "a library's table that never has a row",
    "accounts.Invitation.role": "a closed list",
    "accounts.UserSession.ip": "an address",
    "accounts.UserSession.session_digest": "a digest",
    "accounts.User.password": "a digest",
    "accounts.User.time_zone": "a closed list",
    "audit.AuditEntry.action": "names of code",
    "audit.AuditEntry.object_type": "names of code",
    "audit.AuditEntry.ip": "an address of ours",
    "auth.Permission.codename": "names of code",
    "auth.Permission.name": "names of code",
    "connectors.Inbox.connector": "names of code",
    "contacts.Contact.language": "a language tag",
    "contenttypes.ContentType.app_label": "names of code",
    "contenttypes.ContentType.model": "names of code",
    "events.Consumer.name": "names of code",
    "events.Event.aggregate_type": "names of code",
    "events.Event.cause": "ids",
    "events.Event.type": "names of code",
    "events.IdempotencyRecord.content_type": "names of code",
    "events.IdempotencyRecord.headers": "of our own answers",
    "events.IdempotencyRecord.principal": "an id",
    "events.IdempotencyRecord.request_sha256": "a digest",
    "events.IdempotencyRecord.route": "a path",
    "guardian.GroupObjectPermission.object_pk": "an id",
    "guardian.UserObjectPermission.object_pk": "an id",
    "intake.InboundEvent.body_sha256": "a digest",
    "intake.InboundEvent.connector": "names of code",
    "knox.AuthToken.digest": "random",
    "knox.AuthToken.token_key": "random",
    "mfa.Authenticator.data": "sealed",
    "messaging.Attachment.sha256": "a digest",
    "messaging.Attachment.storage_key": "random, under the tenant's id",
    "sessions.Session.session_data": "signed, holds ids",
    "sessions.Session.session_key": "random",
    "tickets.Status.color": "a closed list",
    "tickets.Status.key": "names of code",
    "tickets.Ticket.category": "a closed list",
    "sso.Attempt.sealed": "sealed",
    "sso.Attempt.session_digest": "a digest",
    "sso.Attempt.state_digest": "a digest",
    "sso.Connection.default_role": "a closed list",
    "sso.Connection.protocol": "names of code",
    "sso.Connection.sealed_secret": "sealed",
    "sso.ConnectionDomain.proof": "random",
    "sso.GroupRole.role": "a closed list",
    "sso.GroupRole.scope_kind": "names of code",
    "tickets.Ticket.connector": "names of code",
}


@dataclasses.dataclass(frozen=True)
class Canary:
    """A marked tenant. `mark` stands in everything it owns, `label` in what the registry shows of it, `word` can be searched for."""

    tenant: TenantRef
    mark: str
    label: str
    word: str
    ids: dict[str, str]
    keys: dict[str, str]
    sessions: dict[str, str]
    hidden: str = ""  # the mark of a ticket whose team the member `limited` is not in
    siblings: dict[str, str] = dataclasses.field(default_factory=dict)  # ids of that ticket and of what hangs on it


def open_tenant(slug: str, *, beside: TenantRef) -> TenantRef:
    """One more tenant, committed, on the cluster of another."""
    with tenancy.public_scope():
        tenants.create_tenant(name=slug.title(), slug=slug, owner_email=f"owner@{slug}.example", cluster=beside.cluster)
        found = tenancy.resolve_host(f"{slug}.{settings.ATENDE_BASE_HOST}")
    assert found is not None
    return found


def plant(tenant: TenantRef) -> Canary:
    """Fills a tenant and commits it. Call it outside of any scope."""
    mark, label, word = secrets.token_hex(16), secrets.token_hex(16), secrets.token_hex(8)
    tenant = _plant_registry(tenant, label)
    with tenancy.tenant_scope(tenant), coming_from(RequestOrigin(mark, "127.0.0.1", f"Agent {mark}")):
        people = {role: _person(role, mark) for role in ROLES}
        agent = people["agent"]
        with acting_as(Actor("user", agent.public_id, agent.name)):
            ids = _plant_work(tenant, agent, mark, word)
        people["limited"] = siblings_of.limited(mark, Team.objects.get(public_id=ids["team_id"]))
        with acting_as(Actor("user", agent.public_id, agent.name)):
            keys = {role: accounts.create_api_key(user=person, name=f"{role} {mark}") for role, person in people.items()}
        fill(mark)
        with acting_as(Actor("user", agent.public_id, agent.name)):
            hidden, siblings = siblings_of.plant_hidden(agent, mark)
        account = accounts.create_service_account(name=f"Service {mark}")
        ids |= {
            "key_id": str(keys["agent"][0].public_id),
            "agent_id": str(agent.public_id),
            "reassign_to": str(people["admin"].public_id),
            "account_id": str(account.public_id),
        }
        ids |= _links(agent, mark)
        sessions = {role: session_of(person) for role, person in people.items()}
        ids["session_id"] = str(_session_row(agent).public_id)
        ids["passkey_id"] = store_passkey(people["admin"], tenant.host, f"passkey {mark}")[1]
    clear = {role: clear_text for role, (_, clear_text) in keys.items()}
    return Canary(tenant, mark, label, word, ids, clear, sessions, hidden, siblings)


@unit_of_work
def _links(agent: User, mark: str) -> dict[str, str]:
    """The tokens of mails about the agent's log-in."""
    wanted = {
        "reset_token": (MailKind.PASSWORD_RESET, agent.email),
        "email_token": (MailKind.EMAIL_CONFIRM, f"new.{mark}@people.example"),
        "undo_token": (MailKind.EMAIL_UNDO, f"former.{mark}@people.example"),
    }
    return {name: token_of_mail(write_mail(kind=kind, email=email, user=agent)) for name, (kind, email) in wanted.items()}


def _session_row(user: User) -> UserSession:
    """Another browser of the user's than the one the crawl speaks from."""
    session = SessionStore()
    session.create()
    return accounts.open_session(user=user, session=session)


def store_passkey(user: User, host: str, name: str) -> tuple[Device, str]:
    """A passkey, with the device that holds it and its id, in the scope entered."""
    device = Device(f"{settings.ATENDE_PUBLIC_SCHEME}://{host}")
    answer = device.add({"publicKey": {"user": {"id": websafe_encode(user.public_id.bytes)}, "challenge": "AAAA"}})
    return device, passkeys.store(user, {"response": answer}, name).data["id"]


def session_of(user: User) -> str:
    """A signed-in session's key, in the scope entered."""
    from django.contrib.auth import login
    from django.http import HttpRequest

    request = HttpRequest()
    request.session = SessionStore()
    login(request, user, backend="shared_apps.accounts.backends.EmailBackend")
    request.session[PROVEN_AT] = time.time()
    request.session.save()
    return request.session.session_key


def text_columns() -> list[tuple[type[models.Model], models.Field]]:
    """Every text column of a tenant's schema, JSON and arrays included, without closed lists."""
    names = {config.label for config in apps.get_app_configs() if config.name in settings.TENANT_APPS}
    kinds = (models.CharField, models.TextField, models.JSONField)
    found = []
    for model in apps.get_models(include_auto_created=True):
        if model._meta.app_label in names and model._meta.managed and not model._meta.proxy:
            found += [(model, field) for field in model._meta.concrete_fields if isinstance(field, kinds) or _is_array(field)]
    return [(model, field) for model, field in found if not field.choices and key_of(model, field) not in UNMARKED]


def key_of(model: type[models.Model], field: models.Field) -> str:
    """How UNMARKED names a column."""
    return f"{model._meta.app_label}.{model.__name__}.{field.name}"


def unmarked(mark: str) -> list[str]:
    """The text columns in which no row carries the mark, in the scope entered."""
    missing = []
    connection = connection_in_scope()
    with connection.cursor() as cursor:
        for model, field in text_columns():
            column, table = connection.ops.quote_name(field.column), connection.ops.quote_name(model._meta.db_table)
            cursor.execute(f"SELECT EXISTS (SELECT 1 FROM {table} WHERE {column}::text LIKE %s)", [f"%{mark}%"])
            if not cursor.fetchone()[0]:
                missing.append(key_of(model, field))
    return missing


def fill(mark: str) -> None:
    """Writes the mark into every plain text that lacks it, in the scope entered; the audit trail is append-only and stays."""
    connection = connection_in_scope()
    with connection.cursor() as cursor:
        for model, field in text_columns():
            limit = field.max_length or 10_000
            is_plain = isinstance(field, models.CharField | models.TextField) and limit > 33
            if not is_plain or model._meta.app_label == "audit":
                continue
            column, table = connection.ops.quote_name(field.column), connection.ops.quote_name(model._meta.db_table)
            guard = ""
            marked = f"substr({column}, 1, {limit - 33}) || ' ' || %s"
            if field.unique or isinstance(field, models.EmailField) or key_of(model, field) in _ADDRESSES:
                marked = f"%s || {column}"
            if key_of(model, field) == "connectors.Inbox.address":  # still an address that begins with support@; a route key stays
                marked, guard = f"{column} || '.' || %s", " AND connector = 'email'"
            cursor.execute(f"UPDATE {table} SET {column} = {marked} WHERE {column} NOT LIKE %s{guard}", [mark, f"%{mark}%"])


# An address stays one when the mark stands in front.
_ADDRESSES = {"contacts.Contact.email", "contacts.Identity.value", "messaging.Delivery.recipient"}


def _is_array(field: models.Field) -> bool:
    return field.get_internal_type() == "ArrayField"


def _plant_registry(tenant: TenantRef, label: str) -> TenantRef:
    with tenancy.public_scope():
        row = Tenant.objects.get(public_id=tenant.id)
        row.name, row.owner_email = f"{row.name} {label}", f"{label}@owner.example"
        row.save(update_fields=["name", "owner_email"])
        Domain.objects.create(tenant=row, domain=f"m{label}.localhost", is_primary=False)
    tenancy.forget_directory()
    with tenancy.public_scope():
        return tenancy.resolve_tenant(tenant.id)


@unit_of_work
def _person(role: str, mark: str) -> User:
    user = accounts.create_user(email=f"{role}.{mark}@people.example", name=f"{role} {mark}", password="canary-password")
    RoleAssignment.objects.create(user=user, role=role)
    return user


def _plant_work(tenant: TenantRef, agent: User, mark: str, word: str) -> dict[str, str]:
    contact = contacts.contact_for_email(email=f"{word}.{mark}@mail.example", name=f"Contact {word} {mark}")
    inbox = Inbox.objects.get(connector="email")
    Inbox.objects.filter(pk=inbox.pk).update(config={"note": mark})
    conversation = messaging.start_conversation(inbox=inbox, contact=contact, subject=f"Subject {word} {mark}")
    message, ticket = _receive(conversation, contact, mark)
    reply = messaging.send_reply(
        conversation=conversation, author=agent, body_text=f"Answer {mark}", attachments=[_file(mark)], client_token=mark
    )
    messaging.add_note(conversation=conversation, author=agent, body_text=f"Note {mark}")
    messaging.mark_read(conversation=conversation, user=agent)
    Message.objects.filter(pk=reply.pk).update(delivery_state="failed", delivery_error=f"Refused {mark}")
    Delivery.objects.filter(message=reply).update(state="failed", last_error=f"Refused {mark}")
    team = Team.objects.create(key=f"t{mark}", name=f"Team {mark}")
    TeamMembership.objects.create(team=team, user=agent)
    Group.objects.create(name=f"Group {mark}")
    role = CustomRole.objects.create(key=uuid.uuid4().hex, name=f"Role {mark}", description=f"Described {mark}", permissions=[])
    assignment = RoleAssignment.objects.create(user=agent, role=role.key, scope_kind="team", scope_id=team.pk)
    sign_on = _plant_sign_on(agent, mark)
    ParkedEvent.objects.create(consumer=f"consumer-{mark}", seq=1, error=f"Error {mark}")
    IdempotencyRecord.objects.create(principal=str(agent.public_id), route="POST /", key=mark, request_sha256="0" * 64)
    tickets.update_ticket(ticket=ticket, changes=TicketChanges(add_tags=(f"tag {mark}",), team=team), expected_version=None)
    event = _park(inbox, mark)
    invitation = accounts.invite(email=f"invited.{mark}@people.example", name=f"Invited {mark}", role="agent")
    return {
        "ticket_id": str(ticket.public_id),
        "conversation_id": str(conversation.public_id),
        "contact_id": str(contact.public_id),
        "inbox_id": str(inbox.public_id),
        "message_id": str(reply.public_id),
        "attachment_id": str(reply.attachments.get().public_id),
        "event_id": str(event.public_id),
        "team_id": str(team.public_id),
        "scope_id": str(team.public_id),
        "key": role.key,
        "assignment_id": str(assignment.public_id),
        "member_id": str(agent.public_id),
        "user_id": str(agent.public_id),
        "tenant_id": str(tenant.id),
        "tag": f"tag {mark}",
        "token": token_of(invitation),
        "invitation_id": str(invitation.public_id),
        "route_key": _hook(tenant),
        "first_message_id": str(message.public_id),
        "mail_id": str(message.public_id),
        "agent_email": agent.email,
        "seq": str(max(0, last_seq() - 8)),
        "view": "open",
        **_link(reply.attachments.get().public_id),
        **sign_on,
    }


def _plant_sign_on(agent: User, mark: str) -> dict[str, str]:
    """A provider that was tested but is not switched on, since the sign-in page names those that are."""
    connection = Connection.objects.create(
        name=f"Provider {mark}",
        issuer=f"https://login.{mark}.example",
        client_id=f"client {mark}",
        group_claim=f"groups {mark}",
        state="tested",
        last_test={"is_passed": True, "at": now().isoformat(), "claims": {"email": f"{mark}@people.example"}},
    )
    domain = ConnectionDomain.objects.create(connection=connection, domain=f"{mark}.example", proof="0" * 32)
    GroupRole.objects.create(connection=connection, group=f"group {mark}", role="viewer")
    Identity.objects.create(connection=connection, user=agent, subject=f"subject {mark}")
    return {"connection_id": str(connection.public_id), "domain_id": str(domain.public_id)}


def _link(attachment_id: uuid.UUID) -> dict[str, str]:
    """The changing parts of a file's signed address."""
    _, _, _, expires, mac, _ = messaging.sign_attachment(attachment_id).split("/")
    return {"expires": expires, "mac": mac}


def _receive(conversation: Conversation, contact: Contact, mark: str) -> tuple[Message, Ticket]:
    incoming = IncomingMessage(
        body_text=f"Body {mark}",
        body_html=f"<p>Markup {mark}</p>",
        quoted_text=f"Quote {mark}",
        subject=f"Subject {mark}",
        external_id=f"{mark}@mail.example",
        in_reply_to=f"before.{mark}@mail.example",
        references=[f"before.{mark}@mail.example"],
        occurred_at=now(),
        attachments=[_file(mark)],
    )
    message = messaging.receive_message(conversation=conversation, contact=contact, incoming=incoming)
    return message, tickets.route_incoming(message=message)


def _file(mark: str) -> FileContent:
    return FileContent(filename=f"{mark}.txt", content_type="text/plain", content=f"File {mark}".encode(), content_id=f"c{mark}")


def _park(inbox: Inbox, mark: str) -> InboundEvent:
    event = intake.accept_inbound(
        inbox_id=inbox.public_id,
        connector="email",
        dedup_key=mark,
        raw=f"From: <x@mail.example>\r\nSubject: Parked {mark}\r\n\r\nBody {mark}".encode(),
        headers={"x-canary": mark},
        envelope={"mail_from": f"{mark}@mail.example", "rcpt_to": inbox.address},
    )
    parked = {"state": "parked", "error_code": "unreadable", "error_detail": f"Detail {mark}", "sender": f"{mark}@mail.example"}
    InboundEvent.objects.filter(pk=event.pk).update(**parked, subject=f"Parked {mark}")
    return event


def _hook(tenant: TenantRef) -> str:
    """An API inbox; its route key stands in addresses, so it carries no mark."""
    key = secrets.token_hex(16)
    inbox = Inbox.objects.create(connector="api", name="Hook", address=key)
    tenants.add_channel_route(tenant=tenant, connector="api", external_id=key, inbox_id=inbox.public_id, secret=hook_secret(key))
    return key


def hook_secret(route_key: str) -> str:
    """The secret that signs the hook of a route key."""
    return f"whsec_{base64.b64encode(route_key.encode()).decode()}"


def random_ids(canary: Canary) -> dict[str, str]:
    """Ids of the same shape that nobody has ever had."""
    return {name: value if name in SHARED else _random_like(value) for name, value in canary.ids.items()}


def _random_like(value: str) -> str:
    try:
        uuid.UUID(value)
    except ValueError:
        return "".join(secrets.choice("0123456789abcdef") if char in "0123456789abcdef" else char for char in value)
    return str(uuid.UUID(bytes=secrets.token_bytes(16), version=4))
