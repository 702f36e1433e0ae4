"""Routes of the intake API, and of the hooks that the base host and every tenant's host answer."""

from django.urls import path

from tenant_apps.intake import hooks, views

urlpatterns = [
    path("intake/events", views.InboundEventListView.as_view(), name="inbound-events"),
    path("intake/events/<uuid:event_id>", views.InboundEventView.as_view(), name="inbound-event"),
    path("intake/events/<uuid:event_id>/raw", views.InboundRawView.as_view(), name="inbound-event-raw"),
    path("intake/events/<uuid:event_id>/runs", views.InboundRunView.as_view(), name="inbound-event-runs"),
]
hook_patterns = [path("hooks/v1/<str:route_key>", hooks.HookView.as_view(), name="hook")]
