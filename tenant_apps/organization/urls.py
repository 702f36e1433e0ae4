"""Routes of the API of teams and colleagues."""

from django.urls import path

from tenant_apps.organization import views

urlpatterns = [
    path("teams", views.TeamListView.as_view(), name="teams"),
    path("agents", views.AgentListView.as_view(), name="agents"),
]
