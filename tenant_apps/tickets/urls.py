"""Routes of the ticket API."""

from django.urls import path

from tenant_apps.tickets import views

urlpatterns = [
    path("tickets", views.TicketListView.as_view(), name="tickets"),
    path("tickets/export", views.TicketExportView.as_view(), name="ticket-export"),
    path("tickets/<uuid:ticket_id>", views.TicketView.as_view(), name="ticket"),
    path("tickets/<uuid:ticket_id>/solution", views.TicketSolutionView.as_view(), name="ticket-solution"),
    path("tickets/<uuid:ticket_id>/shares", views.TicketShareListView.as_view(), name="ticket-shares"),
    path("tickets/<uuid:ticket_id>/shares/<uuid:user_id>", views.TicketShareView.as_view(), name="ticket-share"),
    path("statuses", views.StatusListView.as_view(), name="statuses"),
]
