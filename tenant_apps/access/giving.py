"""Giving rights away through keys and service accounts: nobody gives what they lack."""

from collections.abc import Iterable
from typing import Any

from django.utils.translation import gettext as _
from kernel.problems import FieldError, NotAllowed, ValidationProblem
from shared_apps.accounts.models import ApiKey, User
from shared_apps.accounts.scopes import codes_in_scopes, is_scope, resources

from tenant_apps.access.models import SystemRole
from tenant_apps.access.permissions import CATALOGUE
from tenant_apps.access.reach import access_of, role_definitions
from tenant_apps.access.selectors import permissions_of, unrestricted_permissions_of


def known_resources() -> list[str]:
    """The resources that scopes may name."""
    return resources(CATALOGUE)


def check_may_give_key(*, giver: Any, key: Any, user: User, scopes: Iterable[str]) -> None:  # Any: the user; the key that was sent, if any
    """Raises ValidationProblem for unknown scopes, and NotAllowed where a key with these scopes could do more than the giver may now.

    A key that ends or is bound to networks makes no keys at all: what it made could outlive it, or be used from elsewhere.
    """
    wanted, known = list(scopes), known_resources()
    unknown = [scope for scope in wanted if not is_scope(scope, known)]
    if unknown:
        sentence = _("%(scope)s is not a scope") % {"scope": unknown[0][:80]}
        raise ValidationProblem([FieldError("/scopes", "unknown", sentence)])
    if isinstance(key, ApiKey) and (key.expiry is not None or key.allowed_networks):
        raise NotAllowed(_("A key that ends or is bound to networks cannot create keys"))
    if not codes_in_scopes(unrestricted_permissions_of(user), wanted) <= permissions_of(giver):
        raise NotAllowed(_("Nobody can give away rights they do not have"))


def roles_to_give(giver: Any) -> list[str]:  # Any: the user
    """The roles that hold nothing the giver lacks; nobody becomes owner this way."""
    held = access_of(giver).tenant_codes
    return [key for key, role in role_definitions().items() if key != SystemRole.OWNER and role.codes <= held]


def check_may_give_role(*, giver: Any, key: Any, role: str) -> None:  # Any: the user; the key that was sent, if any
    """Raises ValidationProblem for a role that does not exist or is not given this way, NotAllowed for one that holds more."""
    if role not in role_definitions() or role == SystemRole.OWNER:
        raise ValidationProblem([FieldError("/role", "unknown", _("Choose one of the roles"))])
    if role not in roles_to_give(giver) or (isinstance(key, ApiKey) and (key.expiry is not None or key.allowed_networks)):
        raise NotAllowed(_("Nobody can give away rights they do not have"))
