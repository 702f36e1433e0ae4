"""Routes of the API of teams and colleagues."""

from django.urls import path

from tenant_apps.organization import views

urlpatterns = [
    path("teams", views.TeamListView.as_view(), name="teams"),
    path("teams/<uuid:team_id>", views.TeamView.as_view(), name="team"),
    path("teams/<uuid:team_id>/members", views.TeamMemberListView.as_view(), name="team-members"),
    path("teams/<uuid:team_id>/members/<uuid:user_id>", views.TeamMemberView.as_view(), name="team-member"),
    path("agents", views.AgentListView.as_view(), name="agents"),
]
