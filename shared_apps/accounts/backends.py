"""Signing in by e-mail address and password."""

from typing import Any

from django.contrib.auth.backends import BaseBackend

from shared_apps.accounts.models import User


class EmailBackend(BaseBackend):
    """Finds users of the schema in scope. Permissions are not its business: roles and guardian grant them."""

    def authenticate(self, request: Any, email: str = "", password: str = "", **_: Any) -> User | None:  # Any: Django's signature
        user = User.objects.filter(email__iexact=email).first()
        if user is None:
            User().set_password(password)  # the same work for an unknown address
            return None
        return user if user.check_password(password) and user.is_active else None

    def get_user(self, user_id: int) -> User | None:
        return User.objects.filter(pk=user_id, is_active=True).first()
