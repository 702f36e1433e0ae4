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

from shared_apps.accounts.scopes import codes_in_scopes, every_scope


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
    is_service = models.BooleanField(default=False, db_default=False)  # a service account: only keys act for it, nobody signs in
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


class RateClass(models.TextChoices):
    """How many calls a minute a key may make; accounts.authentication knows the figures."""

    LOW = "low", _("Low")
    STANDARD = "standard", _("Standard")
    HIGH = "high", _("High")


class MailKind(models.TextChoices):
    """What a mail about a log-in is for."""

    PASSWORD_RESET = "password_reset", "Password reset"
    EMAIL_CONFIRM = "email_confirm", "Confirm a new e-mail address"
    EMAIL_UNDO = "email_undo", "Told of a new e-mail address"
    PASSWORD_CHANGED = "password_changed", "Told of a new password"
    SECOND_STEP_CHANGED = "second_step_changed", "Told of a change of the second step"


class AccountMail(models.Model):
    """A mail about a log-in that a worker sends. Links are derived from the id and the tenant's key, so nothing secret is stored."""

    public_id = models.UUIDField(default=new_id, unique=True, editable=False)
    kind = models.CharField(max_length=24, choices=MailKind.choices)
    email = models.EmailField(max_length=254, help_text="As it was typed for a reset, otherwise the recipient")
    user = models.ForeignKey(User, on_delete=models.CASCADE, null=True, blank=True, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True, blank=True)
    sent_at = models.DateTimeField(null=True, blank=True)
    send_attempts = models.SmallIntegerField(default=0)
    next_send_at = models.DateTimeField(default=now)

    class Meta:
        indexes: ClassVar = [models.Index(fields=["next_send_at"], condition=models.Q(sent_at=None), name="accounts_mail_unsent")]

    def __str__(self) -> str:
        return f"{self.kind} {self.public_id}"

    def is_open(self, at: datetime.datetime) -> bool:
        """Whether its link may still work at `at`."""
        return self.used_at is None and at < self.expires_at


class UserSession(models.Model):
    """What is known of a browser that signed in. Whether it still may, Django's own session row says: this one only describes it."""

    public_id = models.UUIDField(default=new_id, unique=True, editable=False)
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="+")
    session_digest = models.CharField(max_length=64, unique=True)
    ip = models.CharField(max_length=45, blank=True)
    user_agent = models.CharField(max_length=200, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_seen_at = models.DateTimeField(default=now)

    def __str__(self) -> str:
        return str(self.public_id)


class ApiKey(AbstractAuthToken):
    """A machine's credential: knox keeps a digest and the first characters, the clear text is shown once at creation.

    `scopes` are `area.resource:read` or `area.resource:write`, or `*` for all that its user may. A key never may more than its user.
    `successor_id` is the public id of the key that replaces it; both work until `expiry`.
    """

    public_id = models.UUIDField(default=new_id, unique=True, editable=False)
    name = models.CharField(max_length=80)
    scopes = models.JSONField(default=every_scope, db_default=models.Value(["*"], models.JSONField()))
    allowed_networks = models.JSONField(default=list, db_default=models.Value([], models.JSONField()))
    rate_class = models.CharField(max_length=8, choices=RateClass.choices, default=RateClass.STANDARD, db_default=RateClass.STANDARD)
    successor_id = models.UUIDField(null=True, blank=True)
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_used_ip = models.CharField(max_length=45, blank=True, default="", db_default="")

    objects: ClassVar[Any]  # knox's manager, which returns (key, clear text) from create()

    def __str__(self) -> str:
        return self.name

    @property
    def prefix(self) -> str:
        """The first characters of the clear text, by which people tell keys apart."""
        return self.token_key

    def is_expired(self, at: datetime.datetime) -> bool:
        """Whether the key has ended at `at`."""
        return self.expiry is not None and self.expiry <= at

    def restrict(self, codes: frozenset[str]) -> frozenset[str]:
        """Of the permissions of its user those that the key has too."""
        return codes_in_scopes(codes, self.scopes)
