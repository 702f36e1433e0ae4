"""Routes of the platform API."""

from django.urls import path

from shared_apps.tenants import fleet_views, views

urlpatterns = [
    path("tenants", views.TenantListView.as_view(), name="platform-tenants"),
    path("tenants/<uuid:tenant_id>", views.TenantView.as_view(), name="platform-tenant"),
    path("tenants/<uuid:tenant_id>/operations", views.TenantOperationListView.as_view(), name="platform-tenant-operations"),
    path("tenants/<uuid:tenant_id>/suspension", views.TenantSuspensionView.as_view(), name="platform-tenant-suspension"),
    path("tenants/<uuid:tenant_id>/migration", fleet_views.TenantMigrationView.as_view(), name="platform-tenant-migration"),
    path("migrations", fleet_views.MigrationsView.as_view(), name="platform-migrations"),
]
