"""Routes of the inbox API."""

from django.urls import path

from tenant_apps.connectors import views

urlpatterns = [
    path("connectors", views.ConnectorListView.as_view(), name="connectors"),
    path("inboxes", views.InboxListView.as_view(), name="inboxes"),
    path("inboxes/<uuid:inbox_id>", views.InboxView.as_view(), name="inbox"),
    path("inboxes/<uuid:inbox_id>/secrets", views.HookSecretView.as_view(), name="inbox-secrets"),
]
