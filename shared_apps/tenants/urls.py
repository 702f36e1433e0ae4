"""Routes of the platform API."""

from django.urls import path

from shared_apps.tenants import views

urlpatterns = [
    path("tenants", views.TenantListView.as_view(), name="platform-tenants"),
    path("tenants/<uuid:tenant_id>", views.TenantView.as_view(), name="platform-tenant"),
    path("tenants/<uuid:tenant_id>/suspension", views.TenantSuspensionView.as_view(), name="platform-tenant-suspension"),
]
