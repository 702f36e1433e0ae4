"""A real Chromium against the running system."""

import os
from collections.abc import Callable, Iterator

import pytest
from infra.testing.chromium import ADVICE, FLAGS, find_chromium

PASSWORD = "atende-demo"


@pytest.fixture(scope="module")
def browser() -> Iterator:
    """A Chromium for the tests of a module. Without one they are skipped, or fail where ATENDE_REQUIRE_BROWSER is set."""
    path = find_chromium()
    if path is None and os.environ.get("ATENDE_REQUIRE_BROWSER"):
        pytest.fail(ADVICE)
    if path is None:
        pytest.skip(ADVICE)
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        running = playwright.chromium.launch(executable_path=path, args=FLAGS)
        yield running
        running.close()


@pytest.fixture
def new_page(browser, stack) -> Iterator[Callable]:
    """`new_page("acme")` opens a page of its own context (cookies, storage) on a tenant's site; `new_page("")` on the base host."""
    contexts = []

    def make(tenant: str, **options):
        context = browser.new_context(base_url=stack.url(tenant) if tenant else stack.base_url, **options)
        context.set_default_timeout(15_000)
        contexts.append(context)
        return context.new_page()

    yield make
    for context in contexts:
        context.close()


@pytest.fixture
def signed_in(new_page) -> Callable:
    """`signed_in("acme", "ana")` is a page where the person has just signed in through the form."""

    def make(tenant: str, person: str, **options):
        page = new_page(tenant, **options)
        page.goto("/sign-in/")
        page.fill("input[name=email]", f"{person}@{tenant}.example" if tenant else f"{person}@atende.example")
        page.fill("input[name=password]", PASSWORD)
        page.press("input[name=password]", "Enter")
        page.wait_for_url(lambda url: "/sign-in" not in url)
        return page

    return make
