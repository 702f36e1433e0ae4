"""Routes of the API of single sign-on."""

from django.urls import path

from tenant_apps.sso import views

_ONE = "sso/connections/<uuid:connection_id>"

urlpatterns = [
    path("sso/connections", views.ConnectionListView.as_view(), name="sso-connections"),
    path(_ONE, views.ConnectionView.as_view(), name="sso-connection"),
    path(f"{_ONE}/test", views.ConnectionTestView.as_view(), name="sso-connection-test"),
    path(f"{_ONE}/state", views.ConnectionStateView.as_view(), name="sso-connection-state"),
    path(f"{_ONE}/domains", views.DomainListView.as_view(), name="sso-domains"),
    path(f"{_ONE}/domains/<uuid:domain_id>", views.DomainView.as_view(), name="sso-domain"),
    path(f"{_ONE}/domains/<uuid:domain_id>/verification", views.DomainVerificationView.as_view(), name="sso-domain-verification"),
]
