"""Who has just shown that it is them: it stands in the session, from the sign-in or from having been asked again."""

from django.http import HttpRequest
from django.utils.translation import gettext as _
from kernel.clock import now
from kernel.problems import FieldError, ValidationProblem
from kernel.uow import record_audit, unit_of_work

from shared_apps.accounts import second_step
from shared_apps.accounts.models import User
from shared_apps.accounts.services.passwords import confirm_password
from shared_apps.accounts.services.second_steps import take_second_step

FRESH_SECONDS = 15 * 60
PROVEN_AT = "proven_at"


def is_fresh(request: HttpRequest) -> bool:
    """Whether this browser's person showed within the last quarter of an hour that it is them."""
    return now().timestamp() - float(request.session.get(PROVEN_AT, 0)) < FRESH_SECONDS


def ways(request: HttpRequest) -> list[str]:
    """A second step where one is switched on, otherwise the password; nothing for who has neither and signs in elsewhere."""
    user = request.user
    if not isinstance(user, User):
        return []
    if second_step.is_enabled(user):
        return ["code", *(["passkey"] if second_step.has_passkey(user) else [])]
    return ["password"] if user.has_usable_password() else []


def prove(request: HttpRequest, *, password: str, code: str) -> None:
    """Takes a password or a code, whichever `ways` asks for. Raises ValidationProblem, InvalidCode, TooManyRequests."""
    user, asked = request.user, ways(request)
    if not isinstance(user, User) or not asked or ("password" not in asked and not code.strip()):
        raise ValidationProblem([FieldError("/code", "required", _("Enter a code"))])
    if "password" in asked:
        confirm_password(user=user, password=password)
    else:
        take_second_step(user=user, code=code)
    note_proof(request, user, asked[0])


def note_proof(request: HttpRequest, user: User, way: str) -> None:
    """Remembers that the person has just shown that it is them, and how."""
    with unit_of_work():
        record_audit(action="session.prove", object_type="user", object_id=user.public_id, changes={"way": [None, way]})
        request.session[PROVEN_AT] = int(now().timestamp())
        request.session.save()
