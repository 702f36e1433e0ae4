"""The one place that touches WebAuthn: passkeys that live in a device, ask it who holds it, and belong to one host.

The rows are django-allauth's (docs/decisions/0017), the protocol is python-fido2's. User verification is always required, so a passkey
is two factors in one step, at sign-in and as a second step alike.
"""

import uuid
from typing import Any, Final

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.http import HttpRequest
from fido2.server import Fido2Server
from fido2.utils import websafe_decode
from fido2.webauthn import (
    AttestedCredentialData,
    PublicKeyCredentialRpEntity,
    PublicKeyCredentialUserEntity,
    RegistrationResponse,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)
from kernel import tenancy
from kernel.clock import now
from kernel.ids import new_id

from shared_apps.accounts.models import User

CHALLENGE_SECONDS: Final = 10 * 60
_CHALLENGE: Final = "passkey_challenge"
_BAD_ANSWER: Final = (ValueError, TypeError, KeyError, AttributeError, AssertionError)  # whatever a forged answer makes the parser raise

Json = dict[str, Any]  # Any: JSON as WebAuthn defines it


def options_to_add(request: HttpRequest, user: User) -> Json:
    """What a browser needs to make a passkey; the challenge stays in this session, for one try within ten minutes."""
    entity = PublicKeyCredentialUserEntity(id=user.public_id.bytes, name=user.email, display_name=user.name)
    options, state = _server(request).register_begin(
        entity,
        credentials=[_data_of(row) for row in passkeys_of(user)],
        resident_key_requirement=ResidentKeyRequirement.REQUIRED,
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    _keep(request, state, "add")
    return dict(options)


def options_to_prove(request: HttpRequest, user: User | None = None) -> Json:
    """What a browser needs to show a passkey: one of the user's, or, for nobody yet, any that the device has for this host."""
    allowed = None if user is None else [_data_of(row) for row in passkeys_of(user)]
    options, state = _server(request).authenticate_begin(allowed, user_verification=UserVerificationRequirement.REQUIRED)
    _keep(request, state, "prove")
    return dict(options)


def added(request: HttpRequest, credential: Json) -> Json | None:
    """What is to be stored of a new passkey; None where the answer does not fit the challenge, which is used up either way."""
    state = _take(request, "add")
    if state is None:
        return None
    try:
        _server(request).register_complete(state, credential)
        return {"response": dict(RegistrationResponse.from_dict(credential))}
    except _BAD_ANSWER:
        return None


def store(user: User, credential: Json, name: str) -> Authenticator:
    """Inside a unit of work."""
    data = {"id": str(new_id()), "name": name, "credential": credential["response"]}
    return Authenticator.objects.create(user=user, type=Authenticator.Type.WEBAUTHN, data=data)


def proven_user(request: HttpRequest, credential: Json, user: User | None = None) -> User | None:
    """Who showed a passkey: `user`, or for nobody yet the one it names. None where it does not fit; the challenge is used up either way."""
    state = _take(request, "prove")
    try:
        if state is None:
            return None
        found = user or User.objects.get(public_id=_named_in(credential), is_active=True)
        rows = {_data_of(row).credential_id: row for row in passkeys_of(found)}
        shown = _server(request).authenticate_complete(state, [_data_of(row) for row in rows.values()], credential)
        rows[shown.credential_id].record_usage()
    except (*_BAD_ANSWER, User.DoesNotExist):
        return None
    return found


def passkeys_of(user: User) -> list[Authenticator]:
    """The user's passkeys, the oldest first."""
    return list(Authenticator.objects.filter(user=user, type=Authenticator.Type.WEBAUTHN).order_by("id"))


def passkey_of(user: User, public_id: uuid.UUID) -> Authenticator | None:
    """One of the user's own."""
    return Authenticator.objects.filter(user=user, type=Authenticator.Type.WEBAUTHN, data__id=str(public_id)).first()


def passkey_json(row: Authenticator) -> Json:
    """A passkey as API and page show it."""
    return {"id": row.data["id"], "name": row.data["name"], "created_at": row.created_at, "last_used_at": row.last_used_at}


def _server(request: HttpRequest) -> Fido2Server:
    """For the host in the request, which Django has checked, and for pages of exactly this origin."""
    tenant = tenancy.current_scope().tenant
    host = request.get_host()
    origin = f"{settings.ATENDE_PUBLIC_SCHEME}://{host}"
    party = PublicKeyCredentialRpEntity(id=host.partition(":")[0], name=tenant.name if tenant else "Atende")
    return Fido2Server(party, verify_origin=lambda claimed: claimed == origin)


def _data_of(row: Authenticator) -> AttestedCredentialData:
    data = RegistrationResponse.from_dict(row.data["credential"]).response.attestation_object.auth_data.credential_data
    if data is None:
        raise ValueError("A stored passkey has no credential")
    return data


def _named_in(credential: Json) -> uuid.UUID:
    return uuid.UUID(bytes=websafe_decode(credential["response"]["userHandle"]))


def _keep(request: HttpRequest, state: Json, purpose: str) -> None:
    request.session[_CHALLENGE] = {"state": state, "purpose": purpose, "until": int(now().timestamp()) + CHALLENGE_SECONDS}


def _take(request: HttpRequest, purpose: str) -> Json | None:
    kept = request.session.pop(_CHALLENGE, None)
    if not isinstance(kept, dict) or kept["purpose"] != purpose or kept["until"] < now().timestamp():
        return None
    return dict(kept["state"])
