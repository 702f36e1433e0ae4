"""Log-ins: the users of a tenant (in its schema) and the operators (the same table in public)."""

import datetime
from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _
from kernel.clock import now
from kernel.ids import new_id
from knox.models import AbstractAuthToken


class Language(models.TextChoices):
    """The languages of the interface."""

    ENGLISH = "en", "English"
    PORTUGUESE = "pt-br", "Português (Brasil)"


class Theme(models.TextChoices):
    """How the pages are coloured; `system` follows the device."""

    SYSTEM = "system", _("Same as the device")
    LIGHT = "light", _("Light")
    DARK = "dark", _("Dark")


class UserManager(BaseUserManager["User"]):
    """Finds users by e-mail address without regard to case."""

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email__iexact=username)


class User(AbstractBaseUser, PermissionsMixin):  # type: ignore[django-manager-missing]  # knox ships no types
    """A person who signs in. E-mail addresses are unique per schema, whatever their case."""

    public_id = models.UUIDField(default=new_id, unique=True, editable=False)
    email = models.EmailField(max_length=254)
    name = models.CharField(max_length=120)
    is_active = models.BooleanField(default=True)
    language = models.CharField(max_length=8, choices=Language.choices, default=Language.ENGLISH)
    theme = models.CharField(max_length=8, choices=Theme.choices, default=Theme.SYSTEM)
    time_zone = models.CharField(max_length=64, default="UTC")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects: ClassVar[UserManager] = UserManager()

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(Lower("email"), name="accounts_user_email_unique")]

    def __str__(self) -> str:
        return self.name or self.email


class Invitation(models.Model):
    """An offer to join. The link's token is derived from the id and the tenant's key, so nothing secret is stored. It works once."""

    public_id = models.UUIDField(default=new_id, unique=True, editable=False)
    email = models.EmailField(max_length=254)
    name = models.CharField(max_length=120, blank=True)
    role = models.CharField(max_length=32)
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    send_attempts = models.SmallIntegerField(default=0)
    next_send_at = models.DateTimeField(default=now)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["next_send_at"], condition=models.Q(sent_at=None), name="accounts_invitation_unsent")]

    def __str__(self) -> str:
        return self.email

    def is_open(self, at: datetime.datetime) -> bool:
        """Whether the link still works at `at`."""
        return self.used_at is None and at < self.expires_at


class ApiKey(AbstractAuthToken):
    """A machine's credential: knox keeps a digest, the clear text is shown once at creation."""

    public_id = models.UUIDField(default=new_id, unique=True, editable=False)
    name = models.CharField(max_length=80)
    last_used_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[Any]  # knox's manager, which returns (key, clear text) from create()

    def __str__(self) -> str:
        return self.name
