"""Reads of the tenant's own people."""

from django.db.models import QuerySet
from shared_apps.accounts.models import User

from tenant_apps.organization.models import Team


def teams() -> "QuerySet[Team]":
    """All teams by name."""
    return Team.objects.order_by("name", "id")


def agents() -> "QuerySet[User]":
    """Everyone who may be assigned, by name; nobody assigns work to a service account."""
    return User.objects.filter(is_active=True, is_service=False, role_assignments__isnull=False).distinct().order_by("name", "id")
