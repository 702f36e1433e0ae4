"""Routes of the access API."""

from django.urls import path

from tenant_apps.access import key_views, views

urlpatterns = [
    path("api-keys", key_views.ApiKeyListView.as_view(), name="api-keys"),
    path("api-keys/<uuid:key_id>", key_views.ApiKeyView.as_view(), name="api-key"),
    path("api-keys/<uuid:key_id>/rotation", key_views.ApiKeyRotationView.as_view(), name="api-key-rotation"),
    path("service-accounts", key_views.ServiceAccountListView.as_view(), name="service-accounts"),
    path("service-accounts/<uuid:account_id>", key_views.ServiceAccountView.as_view(), name="service-account"),
    path("isolation", views.IsolationView.as_view(), name="isolation"),
    path("profile", views.ProfileView.as_view(), name="profile"),
]
