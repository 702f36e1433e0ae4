"""API keys: shown once, kept as a digest, never changed. What a key may is fixed when it is made; another need is another key."""

import dataclasses
import datetime
import ipaddress
from collections.abc import Sequence
from typing import Any, Final

from django.utils.translation import gettext as _
from kernel.clock import now
from kernel.problems import FieldError, ValidationProblem
from kernel.uow import record, record_audit, unit_of_work

from shared_apps.accounts.errors import KeyAlreadyReplaced
from shared_apps.accounts.events import ApiKeyCreated, ApiKeyRevoked
from shared_apps.accounts.models import ApiKey, RateClass, User
from shared_apps.accounts.scopes import every_scope

LONGEST_OVERLAP: Final = datetime.timedelta(days=30)
LONGEST_LIFETIME: Final = datetime.timedelta(days=3650)
MAX_NETWORKS: Final = 50


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class KeyLimits:
    """What narrows a key: scopes, the networks it may be used from (none: all), how often, and until when (None: for ever)."""

    scopes: Sequence[str] = dataclasses.field(default_factory=every_scope)
    allowed_networks: Sequence[str] = ()
    rate_class: str = RateClass.STANDARD
    lifetime: datetime.timedelta | None = None


UNLIMITED: Final = KeyLimits()


@unit_of_work
def create_api_key(*, user: User, name: str, limits: KeyLimits = UNLIMITED) -> tuple[ApiKey, str]:
    """A new key that acts as `user`, and its clear text, which nobody can read again. Raises ValidationProblem.

    Whether the caller may give these rights away is asked at the edge, by whoever knows roles.
    """
    name = name.strip()
    networks, errors = _networks(limits.allowed_networks)
    if not name or len(name) > 80 or "\x00" in name:
        errors.append(FieldError("/name", "invalid", _("Give the key a name of at most 80 characters")))
    if limits.rate_class not in RateClass.values:
        errors.append(FieldError("/rate_class", "unknown", _("This class does not exist")))
    if not limits.scopes:
        errors.append(FieldError("/scopes", "required", _("Choose what the key may do")))
    if limits.lifetime is not None and not datetime.timedelta(0) < limits.lifetime <= LONGEST_LIFETIME:
        errors.append(FieldError("/lifetime_days", "out_of_range", _("A key lives between one day and ten years")))
    if errors:
        raise ValidationProblem(errors)
    key, clear_text = ApiKey.objects.create(
        user=user,
        name=name,
        expiry=limits.lifetime,
        scopes=sorted(set(limits.scopes)),
        allowed_networks=networks,
        rate_class=limits.rate_class,
    )
    _record_creation(key)
    return key, clear_text


@unit_of_work
def rotate_api_key(*, key: ApiKey, overlap: datetime.timedelta) -> tuple[ApiKey, str]:
    """A key that takes the place of `key` with the same limits, and its clear text. Both work until the overlap has passed.

    The new key ends when the old one would have ended: it does not live longer than was once decided. Raises KeyAlreadyReplaced,
    ValidationProblem.
    """
    if not datetime.timedelta(0) <= overlap <= LONGEST_OVERLAP:
        raise ValidationProblem([FieldError("/overlap_hours", "out_of_range", _("Between none and 30 days"))])
    current = ApiKey.objects.select_for_update(of=("self",)).select_related("user").filter(pk=key.pk).first()
    moment = now()
    if current is None or current.successor_id is not None or current.is_expired(moment):
        raise KeyAlreadyReplaced
    fresh, clear_text = ApiKey.objects.create(
        user=current.user,
        name=current.name,
        expiry=None,
        scopes=current.scopes,
        allowed_networks=current.allowed_networks,
        rate_class=current.rate_class,
    )
    former, ends = current.expiry, moment + overlap
    fresh.expiry = former
    fresh.save(update_fields=["expiry"])
    current.successor_id, current.expiry = fresh.public_id, min(ends, former) if former else ends
    current.save(update_fields=["successor_id", "expiry"])
    changes = {"successor": [None, str(fresh.public_id)], "expiry": [former, current.expiry]}
    record_audit(action="api_key.rotate", object_type="api_key", object_id=current.public_id, changes=changes)
    _record_creation(fresh)
    return fresh, clear_text


@unit_of_work
def revoke_api_key(*, key: ApiKey) -> None:
    """The key stops working at once; sockets opened with it are cut when the event arrives."""
    record(ApiKeyRevoked(aggregate_id=key.public_id, name=key.name))
    record_audit(action="api_key.revoke", object_type="api_key", object_id=key.public_id, changes={"name": [key.name, None]})
    key.delete()


def _record_creation(key: ApiKey) -> None:
    record(ApiKeyCreated(aggregate_id=key.public_id, name=key.name))
    changes: dict[str, list[Any]] = {  # Any: JSON
        "name": [None, key.name],
        "prefix": [None, key.prefix],
        "user": [None, str(key.user.public_id)],
        "scopes": [None, key.scopes],
        "allowed_networks": [None, key.allowed_networks],
        "rate_class": [None, str(key.rate_class)],
        "expiry": [None, key.expiry],
    }
    record_audit(action="api_key.create", object_type="api_key", object_id=key.public_id, changes=changes)


def _networks(texts: Sequence[str]) -> tuple[list[str], list[FieldError]]:
    """The networks in their shortest form; a single address is a network of one."""
    if len(texts) > MAX_NETWORKS:
        return [], [FieldError("/allowed_networks", "too_long", _("At most %(count)s networks") % {"count": MAX_NETWORKS})]
    found, errors = set(), []
    for text in texts:
        try:
            found.add(str(ipaddress.ip_network(text.strip())))
        except ValueError:
            sentence = _("%(text)s is not an address or a network such as 192.0.2.0/24") % {"text": text[:60]}
            errors.append(FieldError("/allowed_networks", "invalid", sentence))
    return sorted(found), errors


@unit_of_work
def create_service_account(*, name: str) -> User:
    """A user for programs: it has roles like everybody, and no password, mailbox or session; only keys act for it.

    Raises ValidationProblem.
    """
    name = name.strip()
    if not name or len(name) > 120 or "\x00" in name:
        raise ValidationProblem([FieldError("/name", "invalid", _("Enter a name of at most 120 characters"))])
    account = User(name=name, is_service=True)
    account.email = f"{account.public_id.hex}@service.invalid"  # a name that never leads anywhere (RFC 2606)
    account.set_unusable_password()
    account.save()
    record_audit(action="service_account.create", object_type="user", object_id=account.public_id, changes={"name": [None, name]})
    return account
