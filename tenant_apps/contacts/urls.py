"""Routes of the contact API."""

from django.urls import path

from tenant_apps.contacts import views

urlpatterns = [
    path("contacts", views.ContactListView.as_view(), name="contacts"),
    path("contacts/<uuid:contact_id>", views.ContactView.as_view(), name="contact"),
]
