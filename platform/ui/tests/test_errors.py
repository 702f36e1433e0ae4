"""Errors: a page for people, a toast for htmx, a problem for programs; the policy on all of them."""

import pytest
from django.test import Client


def test_an_unknown_address_is_a_page(browser_for, ana):
    answer = browser_for(ana).get("/nothing/", HTTP_ACCEPT="text/html")

    assert answer.status_code == 404
    assert b"<h1>There is nothing here</h1>" in answer.content


def test_an_unknown_address_is_a_toast_for_htmx(browser_for, ana):
    answer = browser_for(ana).get("/nothing/", HTTP_ACCEPT="text/html", HTTP_HX_REQUEST="true")

    assert answer.status_code == 404
    assert answer["HX-Retarget"] == "#toasts"
    assert b"<html" not in answer.content


def test_an_unknown_address_is_a_problem_for_a_program(api_client):
    answer = api_client.get("/api/v1/nothing")

    assert answer.status_code == 404
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("path", ["/sign-in/", "/inbox/", "/nothing/"])
def test_every_page_has_the_strict_policy(browser_for, ana, path):
    policy = browser_for(ana).get(path, HTTP_ACCEPT="text/html")["Content-Security-Policy"]

    assert "script-src 'self';" in policy
    assert "unsafe-eval" not in policy
    assert "style-src 'self';" in policy


def test_a_page_has_no_inline_script_or_style(browser_for, ana):
    page = browser_for(ana).get("/inbox/").content.decode()

    assert page.count("<script") == page.count("<script src=") + page.count('<script type="module" src=') + page.count(
        'type="application/json"'
    )
    assert "<style" not in page
    assert " onclick=" not in page


def test_a_form_without_its_token_is_refused_with_a_page(acme, db):
    answer = Client(HTTP_HOST=acme.host, enforce_csrf_checks=True).post(
        "/sign-in/", {"email": "a@b.example", "password": "x"}, HTTP_ACCEPT="text/html"
    )

    assert answer.status_code == 403
    assert b"This page is out of date" in answer.content
