"""What describes a connection, and what no connection can have."""

import dataclasses
from typing import Final

from django.utils.translation import gettext as _
from kernel.fetching import FetchRefused, check_address
from kernel.problems import FieldError, ValidationProblem

from tenant_apps.sso.selectors import Mapping

MOST_MAPPINGS: Final = 200


@dataclasses.dataclass(frozen=True, slots=True, kw_only=True)
class ConnectionValues:
    """What describes a connection. Without `client_secret` the one there is stays; an empty one is for public clients."""

    name: str
    issuer: str
    client_id: str
    client_secret: str | None = dataclasses.field(default=None, repr=False)
    is_email_authoritative: bool = False
    is_creating_users: bool = False
    is_second_step_trusted: bool = False
    default_role: str = ""
    group_claim: str = ""
    mappings: tuple[Mapping, ...] = ()

    def columns(self) -> dict[str, str | bool]:
        """What is stored as it is."""
        left = {"client_secret", "mappings"}
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self) if field.name not in left}
        return {name: value.strip() if isinstance(value, str) else value for name, value in values.items()}


def check_values(values: ConnectionValues) -> None:
    """Raises ValidationProblem for what no connection can have. The issuer's name is looked up."""
    columns, errors = values.columns(), []
    for name, most, is_needed in (("name", 80, True), ("client_id", 200, True), ("issuer", 300, True), ("group_claim", 80, False)):
        text = str(columns[name])
        if is_needed and not text:
            errors.append(FieldError(f"/{name}", "required", _("This is needed")))
        elif len(text) > most or not text.isprintable():
            errors.append(FieldError(f"/{name}", "invalid", _("Enter at most %(most)s characters") % {"most": most}))
    secret = values.client_secret or ""
    if len(secret) > 500 or not secret.isprintable():
        errors.append(FieldError("/client_secret", "invalid", _("Enter at most %(most)s characters") % {"most": 500}))
    issuer = str(columns["issuer"])
    if issuer and not _may_be_asked(issuer):
        errors.append(FieldError("/issuer", "refused", _("Enter the public https:// address of the provider")))
    errors += _mapping_errors(values.mappings, str(columns["group_claim"]))
    if errors:
        raise ValidationProblem(errors)


def _mapping_errors(mappings: tuple[Mapping, ...], claim: str) -> list[FieldError]:
    errors = []
    if len(mappings) > MOST_MAPPINGS or len(set(mappings)) != len(mappings):
        errors.append(FieldError("/group_roles", "invalid", _("Name each group and role once, at most 200 in all")))
    if any(not mapping.group.strip() or len(mapping.group) > 200 for mapping in mappings):
        errors.append(FieldError("/group_roles", "invalid", _("Name the group as the provider sends it")))
    if mappings and not claim:
        errors.append(FieldError("/group_claim", "required", _("Name the claim in which the provider sends groups")))
    return errors


def _may_be_asked(issuer: str) -> bool:
    try:
        check_address(issuer)
    except FetchRefused:
        return False
    return "?" not in issuer
