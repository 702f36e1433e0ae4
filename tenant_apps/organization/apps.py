"""Wiring of the organization app."""

from django.apps import AppConfig


class OrganizationConfig(AppConfig):
    name = "tenant_apps.organization"
    label = "organization"

    def ready(self) -> None:
        from tenant_apps.access.scopes import SCOPES, ScopeKind  # noqa: PLC0415 (models are ready only now)
        from tenant_apps.organization import selectors  # noqa: PLC0415

        SCOPES.register("team")(ScopeKind(find=selectors.team_scope, named=selectors.team_scopes, mine=selectors.team_keys_of))
