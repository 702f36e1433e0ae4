"""What must be so before a writing operation can succeed: a right password, an unused role, a second step with a code at hand."""

import base64
import contextvars
import dataclasses
import hashlib
import hmac
import json
import struct
import time
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib.sessions.backends.db import SessionStore
from django.test import Client
from kernel import tenancy
from shared_apps.accounts import second_step as second_steps
from shared_apps.accounts import services as accounts
from shared_apps.accounts.models import User
from shared_apps.accounts.proofs import PROVEN_AT
from shared_apps.accounts.tests.device import Device
from shared_apps.tenants import services as tenants
from shared_apps.tenants.models import Tenant
from tenant_apps.access.models import CustomRole
from tenant_apps.connectors.models import Inbox
from tenant_apps.intake.models import InboundEvent
from tenant_apps.organization.models import Team
from tenant_apps.tickets import services as tickets
from tenant_apps.tickets.models import Ticket

from tests.isolation.canaries import Canary, session_of, store_passkey
from tests.isolation.routes import Operation

PASSWORD = "canary-password"  # everybody's in a canary
OPERATOR = {"email": "operator@atende.example", "password": "atende-demo"}
OWN_PASSWORD = {"current_password": PASSWORD}
NEW_TENANT = {"name": "Brand New", "owner_email": "owner@brand-new.example"}


@dataclasses.dataclass
class Ready:
    """What a call is sent with instead of the example: ids of the path, fields of the body, a session."""

    ids: dict[str, str] = dataclasses.field(default_factory=dict)
    body: dict[str, Any] = dataclasses.field(default_factory=dict)
    session: str = ""


def prepare(operation: Operation, canary: Canary) -> Ready:
    """Brings the operation's success within reach, inside the block that will be taken back."""
    for names, preparation in PREPARATIONS.items():
        if operation.name in names:
            return preparation(canary)
    if operation.path.startswith("/api/v1/intake/") or "/settings/intake/" in operation.path:
        return parked_event(canary)
    return Ready(body=BODIES.get(operation.name, {}))


# Operations whose example needs other words.
BODIES = {
    "PATCH tenant:/api/v1/profile": {"theme": "dark"},
    "POST base:/operator/language/": {"language": "pt-br"},
    "POST tenant:/sign-in/": {"password": PASSWORD},
    "POST base:/sign-in/": OPERATOR,
    "POST tenant:/api/v1/sign-in": {"password": PASSWORD, "email": "{agent_email}"},
    "POST base:/operator/security/password/": {"current_password": OPERATOR["password"]},
    "POST tenant:/api/v1/profile/email-changes": {"current_password": PASSWORD, "email": "new@people.example"},
    "PUT tenant:/api/v1/profile/password": {"current_password": PASSWORD, "password": "a-long-enough-phrase"},
    "POST tenant:/me/security/password/": OWN_PASSWORD,
    "POST tenant:/api/v1/members/{member_id}/roles": {"role": "supervisor"},
    "POST base:/api/platform/v1/tenants": {**NEW_TENANT, "slug": "brand-new-api"},
    "POST base:/operator/tenants/new/": {**NEW_TENANT, "slug": "brand-new-page"},
}


# --- things that must be there -----------------------------------------------------------------------------------------
def solved_ticket(canary: Canary) -> Ready:
    """The ticket can be reopened."""
    with tenancy.tenant_scope(canary.tenant):
        tickets.solve_ticket(ticket=_ticket(canary))
    return Ready()


def shared_ticket(canary: Canary) -> Ready:
    """The ticket is shared with the agent."""
    with tenancy.tenant_scope(canary.tenant):
        tickets.share_ticket(ticket=_ticket(canary), user=_agent(canary), level="view")
    return Ready()


def parked_event(canary: Canary) -> Ready:
    """The inbound event can be run again."""
    with tenancy.tenant_scope(canary.tenant):
        InboundEvent.objects.filter(public_id=canary.ids["event_id"]).update(state="parked")
    return Ready()


def unused_role(canary: Canary) -> Ready:
    """A role that nobody holds."""
    with tenancy.tenant_scope(canary.tenant):
        role = CustomRole.objects.create(key="f" * 32, name="Unused", permissions=[])
    return Ready(ids={"key": role.key})


def empty_team(canary: Canary) -> Ready:
    """A team without tickets."""
    with tenancy.tenant_scope(canary.tenant):
        team = Team.objects.create(key="empty", name="Empty")
    return Ready(ids={"team_id": str(team.public_id)})


def newcomer_of_team(canary: Canary) -> Ready:
    """Somebody who is not in the team yet."""
    return Ready(ids={"user_id": canary.ids["reassign_to"]})


def hook_inbox(canary: Canary) -> Ready:
    """A hook's secret belongs to the one inbox that has a hook."""
    with tenancy.tenant_scope(canary.tenant):
        return Ready(ids={"inbox_id": str(Inbox.objects.get(connector="api").public_id)})


def own_session(canary: Canary) -> Ready:
    """Another browser of the owner's, who asks."""
    with tenancy.tenant_scope(canary.tenant):
        session = SessionStore()
        session.create()
        row = accounts.open_session(user=User.objects.get(name=f"owner {canary.mark}"), session=session)
    return Ready(ids={"session_id": str(row.public_id)})


def suspended_tenant(canary: Canary) -> Ready:
    """The tenant can be resumed."""
    with tenancy.public_scope():
        tenants.suspend_tenant(tenant=Tenant.objects.get(public_id=canary.tenant.id))
    return Ready()


def outdated_tenant(canary: Canary) -> Ready:
    """The tenant's schema is behind."""
    with tenancy.public_scope():
        Tenant.objects.filter(public_id=canary.tenant.id).update(fingerprint="an earlier one")
    return Ready()


# --- second steps, by the API, as somebody's program would -------------------------------------------------------------
def begun_second_step(canary: Canary) -> Ready:
    """The owner has an app whose first code fits."""
    begun = _call(canary, "owner", "post", "/api/v1/profile/second-step/enrolments")
    return Ready(body={**OWN_PASSWORD, "enrolment": begun["enrolment"], "code": totp(begun["secret"])})


def second_step(canary: Canary) -> Ready:
    """The owner has a second step, and a recovery code to prove it."""
    return Ready(body={**OWN_PASSWORD, "code": _enrolled(canary, "owner")})


def owners_second_step(canary: Canary) -> Ready:
    """The owner has a second step, for forms that ask for the password alone."""
    _enrolled(canary, "owner")
    return Ready(body=OWN_PASSWORD)


def agents_second_step(canary: Canary) -> Ready:
    """The agent has a second step that an admin can take away."""
    _enrolled(canary, "agent")
    return Ready()


def half_signed_in(canary: Canary) -> Ready:
    """A browser whose password was right, and the code that is still owed."""
    code = _enrolled(canary, "agent")
    client = Client(HTTP_HOST=canary.tenant.host)
    form = {"email": canary.ids["agent_email"], "password": PASSWORD}
    answer = contextvars.Context().run(client.post, "/sign-in/", form)
    assert answer["Location"] == "/sign-in/code/"
    return Ready(body={"code": code}, session=client.cookies[settings.SESSION_COOKIE_NAME].value)


def totp(secret: str) -> str:
    """The code that an authenticator app shows now (RFC 6238), computed here so that ours is not asked to judge itself."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    mac = hmac.new(key, struct.pack(">Q", int(time.time()) // 30), hashlib.sha1).digest()
    start = mac[-1] & 15
    return f"{(int.from_bytes(mac[start : start + 4]) & 0x7FFFFFFF) % 10**6:06}"


def _enrolled(canary: Canary, role: str) -> str:
    """Switches a person's second step on; a recovery code."""
    begun = _call(canary, role, "post", "/api/v1/profile/second-step/enrolments")
    body = {**OWN_PASSWORD, "enrolment": begun["enrolment"], "code": totp(begun["secret"])}
    return _call(canary, role, "put", "/api/v1/profile/second-step", body)["recovery_codes"][0]


def _call(canary: Canary, role: str, method: str, path: str, body: Any = None) -> dict[str, Any]:
    client = Client(HTTP_HOST=canary.tenant.host, HTTP_AUTHORIZATION=f"Bearer {canary.keys[role]}", HTTP_ACCEPT="application/json")
    answer = contextvars.Context().run(getattr(client, method), path, body or {}, content_type="application/json")
    assert answer.status_code < 300, answer.content
    return answer.json()


def _ticket(canary: Canary) -> Ticket:
    return Ticket.objects.get(public_id=canary.ids["ticket_id"])


def _agent(canary: Canary) -> User:
    return User.objects.get(public_id=canary.ids["agent_id"])


# --- browsers: passkeys, proofs, operators -----------------------------------------------------------------------------
def browser(canary: Canary) -> Ready:
    """The owner's browser, for what keys cannot do, and the password that proves its person."""
    return Ready(body={"password": PASSWORD}, session=canary.sessions["owner"])


def device_that_answers(canary: Canary) -> Ready:
    """The owner's browser has begun a passkey, and a device has answered."""
    answer = _new_passkey(canary)
    return Ready(body={"name": "Laptop", "credential": answer}, session=canary.sessions["owner"])


def device_that_answers_a_form(canary: Canary) -> Ready:
    """The same where a form carries it."""
    return Ready(body={"credential": json.dumps(_new_passkey(canary))})


def own_passkey(canary: Canary) -> Ready:
    """The owner has a passkey."""
    with tenancy.tenant_scope(canary.tenant):
        _, passkey_id = store_passkey(_owner(canary), canary.tenant.host, "Old")
    return Ready(ids={"passkey_id": passkey_id})


def shown_passkey(canary: Canary) -> Ready:
    """A browser that nobody has signed in to, and the owner's device, which answers it."""
    with tenancy.tenant_scope(canary.tenant):
        device, _ = store_passkey(_owner(canary), canary.tenant.host, "Old")
    client = Client(HTTP_HOST=canary.tenant.host)
    options = contextvars.Context().run(client.post, "/api/v1/sign-in/passkey-options").json()
    return Ready(body={"credential": device.show(options)}, session=client.cookies[settings.SESSION_COOKIE_NAME].value)


def stale_browser(canary: Canary) -> Ready:
    """The owner's browser, some time after the sign-in."""
    with tenancy.tenant_scope(canary.tenant):
        return Ready(session=_stale(_owner(canary)))


def stale_operator(canary: Canary) -> Ready:
    """The operator's."""
    with tenancy.public_scope():
        return Ready(session=_stale(_operator()))


def operators_begun_second_step(canary: Canary) -> Ready:
    """The operator has an app whose first code fits."""
    with tenancy.public_scope():
        secret, enrolment = second_steps.begin(_operator())
    return Ready(body={"current_password": OPERATOR["password"], "enrolment": enrolment, "code": totp(secret)})


def operators_second_step(canary: Canary) -> Ready:
    """The operator has a second step, and a recovery code to prove it."""
    return Ready(body={"current_password": OPERATOR["password"], "code": _enrolled_operator()})


def half_signed_in_operator(canary: Canary) -> Ready:
    """An operator's browser whose password was right."""
    code, client = _enrolled_operator(), Client(HTTP_HOST=settings.ATENDE_BASE_HOST)
    assert contextvars.Context().run(client.post, "/sign-in/", OPERATOR)["Location"] == "/sign-in/code/"
    return Ready(body={"code": code}, session=client.cookies[settings.SESSION_COOKIE_NAME].value)


def operators_session(canary: Canary) -> Ready:
    """Another browser of the operator's."""
    with tenancy.public_scope():
        session = SessionStore()
        session.create()
        row = accounts.open_session(user=_operator(), session=session)
    return Ready(ids={"session_id": str(row.public_id)})


def _new_passkey(canary: Canary) -> dict[str, Any]:
    client = Client(HTTP_HOST=canary.tenant.host)
    client.cookies[settings.SESSION_COOKIE_NAME] = canary.sessions["owner"]
    options = contextvars.Context().run(client.post, "/api/v1/profile/passkeys/options").json()
    return Device(f"{settings.ATENDE_PUBLIC_SCHEME}://{canary.tenant.host}").add(options)


def _stale(user: User) -> str:
    session = SessionStore(session_of(user))
    session[PROVEN_AT] = 0
    session.save()
    return str(session.session_key)


def _enrolled_operator() -> str:
    with tenancy.public_scope():
        user = _operator()
        secret, enrolment = second_steps.begin(user)
        codes = accounts.enable_second_step(user=user, password=OPERATOR["password"], enrolment=enrolment, code=totp(secret))
    return codes[0]


def _owner(canary: Canary) -> User:
    return User.objects.get(name=f"owner {canary.mark}")


def _operator() -> User:
    return User.objects.get(email=OPERATOR["email"])


PREPARATIONS: dict[tuple[str, ...], Callable[[Canary], Ready]] = {
    ("DELETE tenant:/api/v1/tickets/{ticket_id}/solution", "POST tenant:/inbox/{ticket_id}/reopen/"): solved_ticket,
    ("DELETE tenant:/api/v1/tickets/{ticket_id}/shares/{user_id}",): shared_ticket,
    ("DELETE tenant:/api/v1/roles/{key}", "POST tenant:/settings/roles/{key}/delete/"): unused_role,
    ("DELETE tenant:/api/v1/teams/{team_id}",): empty_team,
    ("PUT tenant:/api/v1/teams/{team_id}/members/{user_id}",): newcomer_of_team,
    ("POST tenant:/api/v1/inboxes/{inbox_id}/secrets",): hook_inbox,
    ("DELETE tenant:/api/v1/profile/sessions/{session_id}", "POST tenant:/me/security/sessions/{session_id}/end/"): own_session,
    ("DELETE base:/api/platform/v1/tenants/{tenant_id}/suspension", "POST base:/operator/tenants/{tenant_id}/resume/"): suspended_tenant,
    ("PUT base:/api/platform/v1/tenants/{tenant_id}/migration", "POST base:/operator/migrations/{tenant_id}/retry/"): outdated_tenant,
    ("PUT tenant:/api/v1/profile/second-step", "POST tenant:/me/security/second-step/"): begun_second_step,
    ("POST tenant:/api/v1/profile/second-step/removals", "POST tenant:/me/security/second-step/disable/"): second_step,
    ("POST tenant:/api/v1/profile/second-step/recovery-codes", "POST tenant:/me/security/second-step/codes/"): owners_second_step,
    ("DELETE tenant:/api/v1/members/{member_id}/second-step",): agents_second_step,
    ("POST tenant:/sign-in/code/", "POST tenant:/api/v1/sign-in/code"): half_signed_in,
    ("PUT tenant:/api/v1/profile/proof", "POST tenant:/api/v1/profile/proof/options", "POST tenant:/api/v1/sign-out"): browser,
    ("POST tenant:/api/v1/profile/passkeys/options",): browser,
    ("POST tenant:/api/v1/profile/passkeys",): device_that_answers,
    ("POST tenant:/me/security/passkeys/new/",): device_that_answers_a_form,
    (
        "PATCH tenant:/api/v1/profile/passkeys/{passkey_id}",
        "DELETE tenant:/api/v1/profile/passkeys/{passkey_id}",
        "POST tenant:/me/security/passkeys/{passkey_id}/remove/",
    ): own_passkey,
    ("POST tenant:/api/v1/sign-in/passkey",): shown_passkey,
    ("POST tenant:/step-up/",): stale_browser,
    ("POST base:/step-up/",): stale_operator,
    ("POST base:/sign-in/code/",): half_signed_in_operator,
    ("POST base:/operator/security/second-step/",): operators_begun_second_step,
    ("POST base:/operator/security/second-step/disable/", "POST base:/operator/security/second-step/codes/"): operators_second_step,
    ("POST base:/operator/security/sessions/{session_id}/end/",): operators_session,
}
