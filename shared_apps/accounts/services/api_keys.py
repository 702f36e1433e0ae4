"""API keys: shown once, kept as a digest."""

import datetime

from django.utils.translation import gettext as _
from kernel.problems import FieldError, ValidationProblem
from kernel.uow import record, record_audit, unit_of_work

from shared_apps.accounts.events import ApiKeyCreated, ApiKeyRevoked
from shared_apps.accounts.models import ApiKey, User


@unit_of_work
def create_api_key(*, user: User, name: str, lifetime: datetime.timedelta | None = None) -> tuple[ApiKey, str]:
    """A new key that acts as `user`, and its clear text, which nobody can read again. Raises ValidationProblem."""
    name = name.strip()
    if not name or len(name) > 80:
        raise ValidationProblem([FieldError("/name", "invalid", _("Give the key a name of at most 80 characters"))])
    key, clear_text = ApiKey.objects.create(user=user, name=name, expiry=lifetime)
    record(ApiKeyCreated(aggregate_id=key.public_id, name=name))
    record_audit(action="api_key.create", object_type="api_key", object_id=key.public_id, changes={"name": [None, name]})
    return key, clear_text


@unit_of_work
def revoke_api_key(*, key: ApiKey) -> None:
    """The key stops working at once; sockets opened with it are cut when the event arrives."""
    record(ApiKeyRevoked(aggregate_id=key.public_id, name=key.name))
    record_audit(action="api_key.revoke", object_type="api_key", object_id=key.public_id, changes={"name": [key.name, None]})
    key.delete()
