"""The operations a tenant's host describes in its OpenAPI document."""

from django.urls import include, path
from tenant_apps.intake.urls import hook_patterns

from config.urls.tenant import api_patterns

urlpatterns = [path("api/v1/", include(api_patterns)), *hook_patterns]
