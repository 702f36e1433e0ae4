"""Passkeys in a real Chromium with an authenticator of its own: added on the page, then the only thing that signs in."""

import pytest

from tests.e2e.conftest import PASSWORD

pytestmark = pytest.mark.browser
AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture
def with_device():
    """Gives a page's browser a device that holds passkeys and says yes."""

    def give(page):
        protocol = page.context.new_cdp_session(page)
        protocol.send("WebAuthn.enable")
        return protocol.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})["authenticatorId"], protocol

    return give


def test_a_passkey_is_added_on_the_page_and_signs_in_without_a_password(signed_in, with_device):
    page = signed_in("acme", "dora")
    with_device(page)
    page.goto("/me/security/")
    page.click("text=Add a passkey")
    page.fill("input[name=name]", "Laptop")
    page.click("text=Continue")

    page.wait_for_selector("ul.codes")
    assert page.locator("ul.codes li").count() == 10
    page.goto("/me/security/")
    assert page.locator("text=Laptop").count() > 0

    page.click("form[action='/sign-out/'] button")
    page.wait_for_url("**/sign-in/**")
    page.click("text=Use a passkey")
    page.wait_for_url("**/inbox/**")

    # The password is now the first of two steps; the passkey is the second.
    page.context.clear_cookies()
    page.goto("/sign-in/")
    page.fill("input[name=email]", "dora@acme.example")
    page.fill("input[name=password]", PASSWORD)
    page.press("input[name=password]", "Enter")
    page.wait_for_url("**/sign-in/code/")
    page.click("text=Use a passkey")
    page.wait_for_url("**/inbox/**")

    # Tidy up for the other tests, which sign Dora in by her password.
    page.goto("/me/security/")
    page.on("dialog", lambda dialog: dialog.accept())
    page.click("text=Remove >> nth=0")
    page.wait_for_selector("text=The passkey has been removed.")


def test_a_device_that_says_no_leaves_one_where_one_was(signed_in, with_device):
    page = signed_in("acme", "dora")
    device, protocol = with_device(page)
    protocol.send("WebAuthn.setUserVerified", {"authenticatorId": device, "isUserVerified": False})
    page.goto("/me/security/passkeys/new/")
    page.fill("input[name=name]", "Laptop")
    page.click("text=Continue")

    page.wait_for_selector("[data-passkey-error]:not([hidden])")
    assert page.input_value("input[name=name]") == "Laptop"
