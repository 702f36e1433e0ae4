"""A tenant whose schema this code may not serve is closed, and nobody else is."""

import pytest
from celery import current_app
from conftest import ApiClient
from django.test import Client
from kernel import tenancy
from kernel.tasks import tenant_task

from shared_apps.tenants import schemas, tasks
from shared_apps.tenants.fingerprint import tenant_fingerprint
from shared_apps.tenants.fleet import compatibility, scripts
from shared_apps.tenants.models import Artefact, Tenant

OTHER = "a" * 32


@pytest.fixture
def outdated(in_public, acme):
    """Acme, as if its schema were of another version."""
    Artefact.objects.create(fingerprint=OTHER, statements="")
    Tenant.objects.filter(public_id=acme.id).update(fingerprint=OTHER)
    tenancy.forget_directory()
    return acme


def test_a_program_gets_a_problem_and_the_other_tenant_its_answer(outdated, client_for, rui):
    answer = ApiClient(outdated.host).get("/api/v1/tickets")

    assert (answer.status_code, answer.json()["type"], answer["Retry-After"]) == (503, "/problems/tenant-outdated", "30")
    assert client_for(rui).get("/api/v1/tickets").status_code == 200


def test_a_person_gets_a_page(outdated):
    answer = Client(HTTP_HOST=outdated.host).get("/sign-in/", headers={"Accept": "text/html"})

    assert answer.status_code == 503
    assert b"being upgraded" in answer.content


def test_a_hook_is_answered_503_so_that_it_comes_again(outdated):
    answer = ApiClient(outdated.host).post_json("/hooks/v1/some-key", {})

    assert (answer.status_code, answer.json()["type"]) == (503, "/problems/tenant-outdated")


def test_the_sweeper_leaves_the_tenant_out(outdated, globex):
    assert [tenant.slug for tenant in tenancy.active_tenants()] == ["globex"]
    assert tenancy.resolve_host(outdated.host).is_active is False


def test_a_task_of_the_tenant_is_not_run(fresh_database, outdated, globex):
    served = []

    @tenant_task(queue="default")
    def note() -> None:
        served.append(tenancy.current_tenant().slug)

    for tenant in (outdated, globex):
        current_app.tasks[note.name].run(tenant_id=str(tenant.id))

    assert served == ["globex"]


def test_a_version_that_was_declared_compatible_is_served(outdated):
    compatibility.allow(code=tenant_fingerprint(), schema=OTHER)
    tenancy.forget_directory()

    assert tenancy.resolve_host(outdated.host).is_active is True
    assert Client(HTTP_HOST=outdated.host).get("/readyz").json()["notes"] == ["schema-behind"]


def test_the_version_before_may_serve_a_new_schema_and_not_the_other_way_round(in_public):
    Artefact.objects.create(fingerprint=OTHER, statements="")

    compatibility.declare(tenant_fingerprint())

    assert Artefact.objects.get(fingerprint=tenant_fingerprint()).serves == [OTHER]
    assert Artefact.objects.get(fingerprint=OTHER).serves == []


def test_a_release_that_contracts_closes_its_schemas_to_the_version_before(in_public, monkeypatch):
    monkeypatch.setattr(compatibility, "PREVIOUS_CODE_SERVES_THIS_SCHEMA", False)
    Artefact.objects.create(fingerprint=OTHER, statements="")

    compatibility.declare(tenant_fingerprint())

    assert Artefact.objects.get(fingerprint=tenant_fingerprint()).serves == []


def test_a_script_that_changes_nothing_lets_this_code_serve_the_version_before(fresh_database):
    with tenancy.public_scope():
        same = Artefact.objects.get(fingerprint=tenant_fingerprint()).statements
        Artefact.objects.create(fingerprint=OTHER, statements=same)

    script = scripts.ensure_script(OTHER)

    assert (script.statements, script.after_statements) == ([], [])
    assert compatibility.may_serve(OTHER) is True


def test_the_scheduler_does_not_complete_a_tenant_it_may_not_serve(fresh_database, outdated, monkeypatch):
    Tenant.objects.filter(public_id=outdated.id).update(state="provisioning", created_at="2026-01-01T00:00:00Z")
    monkeypatch.setattr(schemas, "keep_spares", lambda: 0)

    tasks.keep_spares()

    assert Tenant.objects.get(public_id=outdated.id).state == "provisioning"
