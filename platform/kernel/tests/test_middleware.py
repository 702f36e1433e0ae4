"""Hosts, request ids, and refusals before any view."""

import pytest
from django.test import Client
from shared_apps.tenants import services
from shared_apps.tenants.models import Tenant

from kernel import tenancy


@pytest.fixture
def suspended(acme, db):
    with tenancy.public_scope():
        services.suspend_tenant(tenant=Tenant.objects.get(public_id=acme.id))
    return acme


@pytest.mark.parametrize(
    ("accept", "content_type"), [("text/html", "text/html; charset=utf-8"), ("application/json", "application/problem+json")]
)
def test_an_unknown_host_answers_in_the_callers_language(db, accept, content_type):
    answer = Client(HTTP_HOST="nobody.localhost", HTTP_ACCEPT=accept).get("/inbox/")

    assert (answer.status_code, answer["Content-Type"]) == (404, content_type)


def test_a_suspended_tenant_shows_a_page(suspended):
    answer = Client(HTTP_HOST=suspended.host, HTTP_ACCEPT="text/html").get("/inbox/")

    assert (answer.status_code, answer["Retry-After"]) == (503, "3600")
    assert b"suspended" in answer.content


@pytest.mark.parametrize("host", ["acme.localhost.evil.example", "evil@acme.localhost", "acme.localhost:80:80", "..", "ACME.LOCALHOST."])
def test_a_strange_host_never_reaches_a_tenant_it_does_not_name(acme, db, host):
    answer = Client(HTTP_HOST=host, HTTP_ACCEPT="application/json").get("/api/v1/tickets")

    assert answer.status_code == (401 if host == "ACME.LOCALHOST." else 404)


def test_health_needs_no_tenant_and_no_database(django_db_blocker):
    with django_db_blocker.block():
        answer = Client(HTTP_HOST="nobody.localhost").get("/healthz")

    assert (answer.status_code, answer.content) == (200, b"ok\n")


def test_readiness_names_its_reasons(acme, db):
    answer = Client(HTTP_HOST=acme.host).get("/readyz")

    assert (answer.status_code, answer.json()) == (200, {"ready": True, "reasons": [], "notes": []})


@pytest.mark.parametrize(("sent", "is_kept"), [("client-request-1", True), ("x", False), ("bad id\nX: y", False), ("a" * 65, False)])
def test_a_request_id_is_kept_only_when_it_is_plain(acme, db, sent, is_kept):
    answer = Client(HTTP_HOST=acme.host).get("/healthz", headers={"X-Request-ID": sent})

    assert (answer["X-Request-ID"] == sent) is is_kept
