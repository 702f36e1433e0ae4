"""Signing in by e-mail address and password."""

from typing import Any

from django.contrib.auth.backends import BaseBackend

from shared_apps.accounts.models import User
from shared_apps.accounts.services import refused


class EmailBackend(BaseBackend):
    """Finds users of the schema in scope. Permissions are not its business: roles and guardian grant them."""

    def authenticate(self, request: Any, email: str = "", password: str = "", **_: Any) -> User | None:  # Any: Django's signature
        user = User.objects.filter(email__iexact=email).first()
        if user is None:
            User().set_password(password)  # the same work for an unknown address
            refused.tell_of_refusal(user=None, reason=refused.WRONG_PASSWORD)
            return None
        is_right = user.check_password(password)
        if is_right and user.is_active:
            return user
        refused.tell_of_refusal(user=user, reason=refused.DEACTIVATED if is_right else refused.WRONG_PASSWORD)
        return None

    def get_user(self, user_id: int) -> User | None:
        return User.objects.filter(pk=user_id, is_active=True).first()
