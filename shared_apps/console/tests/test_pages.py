"""The operators' pages."""

import pytest

from shared_apps.tenants.models import Tenant


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
