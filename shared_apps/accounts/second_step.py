"""The one place that touches django-allauth's second steps: TOTP by RFC 6238 and recovery codes, sealed for one user of one tenant.

Only its inner pieces are used; sign-in, sessions, mails and pages are ours (docs/decisions/0017).
"""

import contextlib
import contextvars
import json
import time
from collections.abc import Iterator

from allauth.core.internal.cryptokit import compare_user_code, normalize_user_code
from allauth.mfa.adapter import DefaultMFAAdapter
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth as totp
from allauth.mfa.utils import decrypt
from django.utils.http import urlencode
from kernel import crypto, tenancy
from kernel.crypto import SealBroken

from shared_apps.accounts.models import User

ENROLMENT_SECONDS = 15 * 60
_COUNTER = "last_counter"
_context: contextvars.ContextVar[str] = contextvars.ContextVar("second_step")


class SealingAdapter(DefaultMFAAdapter):
    """Seals what the library stores. Outside of `_sealed_for` there is no context, so nothing can be stored in the clear by mistake."""

    def encrypt(self, text: str) -> str:
        return crypto.seal(text.encode(), context=_context.get())

    def decrypt(self, encrypted_text: str) -> str:
        return crypto.unseal(encrypted_text, context=_context.get()).decode()


def begin(user: User) -> tuple[str, str]:
    """A fresh secret, and the same sealed for this user: to be sent back with the first code within fifteen minutes."""
    secret = totp.generate_totp_secret()
    body = json.dumps({"secret": secret, "at": int(time.time())})
    return secret, crypto.seal(body.encode(), context=f"enrolment:{_name(user)}")


def secret_in(user: User, enrolment: str) -> str | None:
    """The secret that `begin` sealed; None for one that is old, altered or another user's."""
    try:
        body = json.loads(crypto.unseal(enrolment, context=f"enrolment:{_name(user)}"))
    except SealBroken:
        return None
    return str(body["secret"]) if time.time() - body["at"] < ENROLMENT_SECONDS else None


def uri_of(user: User, secret: str) -> str:
    """What an authenticator app reads: the account's address and the tenant's name."""
    tenant = tenancy.current_scope().tenant
    issuer = tenant.name if tenant else "Atende"
    label = urlencode({"": f"{issuer}:{user.email}"})[1:].replace("+", "%20")
    return f"otpauth://totp/{label}?" + urlencode({"secret": secret, "issuer": issuer}).replace("+", "%20")


def svg_of(uri: str) -> str:
    """A QR code to stand inside a page."""
    text: str = SealingAdapter().build_totp_svg(uri)
    return text[text.index("<svg") :]


def is_enabled(user: User) -> bool:
    """Whether the password alone does not sign the user in: there is an authenticator app or a passkey."""
    return Authenticator.objects.filter(user=user).exclude(type=Authenticator.Type.RECOVERY_CODES).exists()


def has_app(user: User) -> bool:
    """Whether an authenticator app gives codes."""
    return Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).exists()


def has_passkey(user: User) -> bool:
    """Whether there is a passkey."""
    return Authenticator.objects.filter(user=user, type=Authenticator.Type.WEBAUTHN).exists()


def enable(user: User, secret: str, code: str) -> list[str] | None:
    """Stores the secret if the code proves that an app has it, inside a unit of work. The recovery codes, or None."""
    counter = _counter_of(secret, code, after=-1)
    if counter is None:
        return None
    Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).delete()
    with _sealed_for(user):
        row = totp.TOTP.activate(user, secret).instance
        row.data[_COUNTER] = counter  # the code that enrolled does not sign in as well
        row.save(update_fields=["data"])
    return renew_recovery_codes(user)


def remove_app(user: User) -> None:
    """Removes the authenticator app; the recovery codes go with the last means they stand in for."""
    Authenticator.objects.filter(user=user, type=Authenticator.Type.TOTP).delete()
    remove_idle_recovery_codes(user)


def remove_idle_recovery_codes(user: User) -> None:
    """Recovery codes alone are no second step."""
    if not is_enabled(user):
        disable(user)


def disable(user: User) -> bool:
    """Removes app, passkeys and recovery codes. Whether there was anything."""
    deleted, _ = Authenticator.objects.filter(user=user).delete()
    return deleted > 0


def renew_recovery_codes(user: User) -> list[str]:
    """Fresh recovery codes; the old ones no longer work."""
    Authenticator.objects.filter(user=user, type=Authenticator.Type.RECOVERY_CODES).delete()
    with _sealed_for(user):
        return list(RecoveryCodes.activate(user).generate_codes())


def recovery_codes_left(user: User) -> int:
    """How many have not been used."""
    row = Authenticator.objects.filter(user=user, type=Authenticator.Type.RECOVERY_CODES).first()
    if row is None:
        return 0
    with _sealed_for(user):
        return len(RecoveryCodes(row).get_unused_codes())


def use_code(user: User, code: str) -> str:
    """`totp` or `recovery_code` for a code that is right and was never used, which it now is; empty otherwise. Inside a unit of work.

    The last counter is stored in the locked row, so that a code stays used whatever happens to a cache.
    """
    rows = {row.type: row for row in Authenticator.objects.select_for_update().filter(user=user).order_by("id")}
    row, spare = rows.get(Authenticator.Type.TOTP), rows.get(Authenticator.Type.RECOVERY_CODES)
    if not normalize_user_code(code):
        return ""
    with _sealed_for(user):
        counter = None if row is None else _counter_of(decrypt(row.data["secret"]), code, after=int(row.data.get(_COUNTER, -1)))
        if row is not None and counter is not None:
            row.data[_COUNTER] = counter
            row.save(update_fields=["data"])
            row.record_usage()
            return "totp"
        return "recovery_code" if spare is not None and _use_spare(RecoveryCodes(spare), code) else ""


def _use_spare(codes: RecoveryCodes, code: str) -> bool:
    """The library's own check opens a transaction by itself, which is not how it is done here; the row is locked already."""
    for number, spare in enumerate(codes.generate_codes()):
        if not codes._is_code_used(number) and compare_user_code(actual=code, expected=spare):
            codes._mark_code_used(number)
            return True
    return False


def _counter_of(secret: str, code: str, *, after: int) -> int | None:
    """The moment, in steps of thirty seconds, that the code belongs to: this one or a neighbour, and later than `after`."""
    found = None
    for counter in totp.yield_hotp_counters_from_time():
        expected = totp.format_hotp_value(totp.hotp_value(secret, counter))
        if compare_user_code(actual=code, expected=expected) and counter > after:
            found = counter
    return found


@contextlib.contextmanager
def _sealed_for(user: User) -> Iterator[None]:
    token = _context.set(f"mfa:{_name(user)}")
    try:
        yield
    finally:
        _context.reset(token)


def _name(user: User) -> str:
    return f"{tenancy.scope_key()}:{user.public_id}"
