"""The operations the base host describes in its OpenAPI document."""

from django.urls import include, path
from shared_apps.tenants.urls import urlpatterns as tenants

urlpatterns = [path("api/platform/v1/", include(tenants))]
