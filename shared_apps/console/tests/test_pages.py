"""The operators' pages."""

import pytest
from kernel.clock import now

from shared_apps.tenants.fingerprint import tenant_fingerprint
from shared_apps.tenants.models import FleetRun, FleetStep, Tenant, TenantOperation


@pytest.mark.parametrize(
    "path", ["/operator/tenants/", "/operator/tenants/?q=acme", "/operator/tenants/?state=active", "/operator/tenants/new/"]
)
def test_a_page_answers_200(browser_for, operator, path):
    assert browser_for(operator).get(path).status_code == 200


def test_the_start_page_leads_to_the_tenants(browser_for, operator):
    assert browser_for(operator).get("/")["Location"] == "/operator/tenants/"


@pytest.mark.parametrize("path", ["/operator/tenants/", "/operator/tenants/new/", "/"])
def test_nobody_is_sent_to_the_sign_in(client, path):
    answer = client.get(path, HTTP_HOST="localhost")

    assert answer.status_code == 302
    assert answer["Location"].startswith("/sign-in/")


def test_a_state_that_does_not_exist_is_404(browser_for, operator):
    assert browser_for(operator).get("/operator/tenants/?state=nonsense").status_code == 404


def test_the_search_narrows_the_list(browser_for, operator):
    page = browser_for(operator).get("/operator/tenants/?q=globex").content.decode()

    assert "globex.localhost" in page
    assert "acme.localhost" not in page


def test_one_tenant_is_shown_without_the_names_of_its_people(browser_for, operator, acme):
    page = browser_for(operator).get(f"/operator/tenants/{acme.id}/").content.decode()

    assert acme.schema in page
    assert "ana@acme.example" not in page


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("slug", "admin", b"This address is reserved"),
        ("slug", "acme", b"Another organization uses this address already"),
        ("owner_email", "x", b"not an e-mail"),
    ],
)
def test_a_bad_field_is_refused_beside_itself(browser_for, operator, in_public, field, value, words):
    before = Tenant.objects.count()
    answer = browser_for(operator).post(
        "/operator/tenants/new/", {"name": "New", "slug": "newone", "owner_email": "o@new.example", field: value}
    )

    assert answer.status_code == 422
    assert words in answer.content
    assert Tenant.objects.count() == before


def test_an_agent_of_a_tenant_is_nobody_here(browser_for, ana):
    answer = browser_for(ana).get("/operator/tenants/", HTTP_HOST="localhost")

    assert answer.status_code == 302


def test_the_console_speaks_the_language_that_was_chosen(browser_for, operator):
    browser = browser_for(operator)

    answer = browser.post("/operator/language/", {"language": "pt-br"}, follow=True)

    assert "Novo tenant" in answer.content.decode() or "Nova organização" in answer.content.decode()
    assert 'lang="pt-br"' in answer.content.decode()


def test_a_language_we_do_not_speak_changes_nothing(browser_for, operator, in_public):
    browser = browser_for(operator)

    answer = browser.post("/operator/language/", {"language": "xx"})

    operator.refresh_from_db()
    assert (answer.status_code, operator.language) == (422, "en")


@pytest.fixture
def failed_fleet(in_public, acme, globex):
    """A run that migrated one tenant and failed in the other."""
    run = FleetRun.objects.create(
        target=tenant_fingerprint(), state="failed", total=2, done=1, failed=1, canaries=["acme"], started_at=now(), finished_at=now()
    )
    rows = {tenant.slug: tenant for tenant in Tenant.objects.all()}
    FleetStep.objects.create(tenant=rows["acme"], run=run, source="old", target=run.target, state="done", wave=0)
    FleetStep.objects.create(
        tenant=rows["globex"], run=run, source="old", target=run.target, state="failed", attempts=3, error="LockNotAvailable: <busy>"
    )
    return run


MIGRATIONS = "/operator/migrations/"


def test_the_migrations_page_shows_the_run_and_who_failed(browser_for, operator, failed_fleet):
    page = browser_for(operator).get(MIGRATIONS).content.decode()

    assert "Ended with failures" in page
    assert "LockNotAvailable: &lt;busy&gt;" in page
    assert 'hx-trigger="every 2s"' in page


def test_the_figures_alone_are_sent_to_a_page_that_asks_again(browser_for, operator, failed_fleet):
    part = browser_for(operator).get(MIGRATIONS, headers={"HX-Request": "true"}).content.decode()

    assert "<html" not in part
    assert "Ended with failures" in part


def test_trying_a_tenant_again_leaves_a_request_for_the_worker(browser_for, operator, failed_fleet, globex):
    answer = browser_for(operator).post(f"{MIGRATIONS}{globex.id}/retry/")

    assert (answer.status_code, answer["Location"]) == (302, MIGRATIONS)
    assert FleetRun.objects.get(state="requested").tenant.slug == "globex"


def test_a_tenant_that_is_up_to_date_is_not_tried_again(browser_for, operator, failed_fleet, acme):
    answer = browser_for(operator).post(f"{MIGRATIONS}{acme.id}/retry/")

    assert answer.status_code == 409
    assert b"up to date" in answer.content
    assert not FleetRun.objects.filter(state="requested").exists()


def test_a_run_is_asked_for_once(browser_for, operator, in_public):
    browser = browser_for(operator)

    first, second = browser.post(MIGRATIONS), browser.post(MIGRATIONS)

    assert (first.status_code, second.status_code) == (302, 409)
    assert FleetRun.objects.count() == 1


@pytest.mark.parametrize("path", [MIGRATIONS, f"{MIGRATIONS}01a20000-0000-7000-8000-000000000000/retry/"])
def test_nobody_asks_for_a_migration(client, in_public, path):
    assert client.post(path, HTTP_HOST="localhost")["Location"].startswith("/sign-in/")
    assert not FleetRun.objects.exists()


def test_a_tenants_page_shows_what_is_being_done_with_it(browser_for, operator, acme, in_public):
    TenantOperation.objects.create(kind="move", tenant_public_id=acme.id, slug="acme", step="load", error="<b>cut</b>")

    page = browser_for(operator).get(f"/operator/tenants/{acme.id}/").content.decode()

    assert "Unfinished" in page
    assert "load" in page
    assert "&lt;b&gt;cut" in page
    assert f"/api/platform/v1/tenants/{acme.id}/operations" in page


def test_a_tenant_that_is_being_deleted_still_has_a_page(browser_for, operator, acme, in_public):
    Tenant.objects.filter(slug="acme").update(state="deleting")

    page = browser_for(operator).get(f"/operator/tenants/{acme.id}/").content.decode()

    assert "Being deleted" in page
