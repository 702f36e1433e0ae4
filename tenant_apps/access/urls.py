"""Routes of the access API."""

from django.urls import path

from tenant_apps.access import views

urlpatterns = [
    path("api-keys", views.ApiKeyListView.as_view(), name="api-keys"),
    path("api-keys/<uuid:key_id>", views.ApiKeyView.as_view(), name="api-key"),
    path("isolation", views.IsolationView.as_view(), name="isolation"),
    path("profile", views.ProfileView.as_view(), name="profile"),
]
