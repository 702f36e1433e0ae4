"""The operations the base host describes in its OpenAPI document."""

from django.urls import include, path
from shared_apps.accounts.urls import own_patterns
from shared_apps.tenants.urls import urlpatterns as tenants

urlpatterns = [path("api/platform/v1/", include([*own_patterns, *tenants]))]
