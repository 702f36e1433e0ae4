"""Routes of the event stream over HTTP."""

from django.urls import path

from tenant_apps.realtime import views

urlpatterns = [
    path("events", views.EventListView.as_view(), name="events"),
    path("socket-tickets", views.SocketTicketView.as_view(), name="socket-tickets"),
]
