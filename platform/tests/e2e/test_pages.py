"""Every page in a real Chromium, in each size, scheme and language: no console error, no overflow, no axe finding."""

import smtplib
import time
from email.message import EmailMessage
from pathlib import Path

import httpx
import pytest

pytestmark = pytest.mark.browser

AXE = (Path(__file__).parent / "axe.min.js").read_text(encoding="utf-8")
RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
SIZES = {"desktop": {"width": 1440, "height": 900}, "tablet": {"width": 1024, "height": 800}, "phone": {"width": 390, "height": 844}}
FIRST_TICKET = "the first open ticket"
AGENT_PAGES = ["/inbox/", "/inbox/v/unassigned/", "/inbox/v/done/", FIRST_TICKET, "/me/", "/me/security/", "/me/security/passkeys/new/"]
ADMIN_PAGES = [
    "/settings/audit/",
    "/settings/intake/",
    "/settings/isolation/",
    "/settings/keys/",
    "/settings/members/",
    "/settings/roles/",
    "/settings/roles/new/",
    "/settings/roles/agent/",
    "/settings/sso/",
    "/settings/teams/",
]
OPERATOR_PAGES = [
    "/operator/tenants/",
    "/operator/tenants/new/",
    "/operator/migrations/",
    "/operator/security/",
    "/operator/audit/",
    "/dev/mail/",
]
OVERFLOW = """() => {
  const out = element => {
    const box = element.getBoundingClientRect();
    const clipped = '.sr, .skip, .scroll, .pills, .oside nav, .row-tags, .to, [hidden]';
    return box.width > 1 && box.right > innerWidth + 1 && !element.closest(clipped);
  };
  const all = [...document.querySelectorAll('body *')];
  return [document.documentElement.scrollWidth > innerWidth, all.filter(out).map(e => e.outerHTML.slice(0, 120))];
}"""


@pytest.fixture(scope="module")
def sessions() -> dict:
    """Storage states by person: signing in is rate-limited, so each person signs in once."""
    return {}


@pytest.fixture
def page_of(new_page, signed_in, sessions):
    """`page_of("acme", "ana")` is a page with the person's session."""

    def make(tenant: str, person: str, **options):
        if (tenant, person) not in sessions:
            sessions[tenant, person] = signed_in(tenant, person).context.storage_state()
        return new_page(tenant, storage_state=sessions[tenant, person], **options)

    return make


class Watched:
    """A page that remembers everything its console complained about."""

    def __init__(self, page) -> None:
        self.page = page
        self.complaints: list[str] = []
        page.on("console", lambda message: message.type in {"error", "warning"} and self.complaints.append(message.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, path: str) -> int:
        if path == FIRST_TICKET:
            self.page.goto("/inbox/v/open/")
            path = self.page.locator("#rows .row a").first.get_attribute("href")
        answer = self.page.goto(path)
        if self.page.locator("#composer").count():
            self.page.wait_for_selector("#composer[data-started]")
        self.page.wait_for_load_state("load")
        return answer.status

    def findings(self) -> list[str]:
        self.page.evaluate(AXE)
        is_dark = self.page.evaluate("matchMedia('(prefers-color-scheme: dark)').matches")
        result = self.page.evaluate(f"axe.run({{runOnly: {['color-contrast'] if is_dark else RULES}}})")  # dark differs in colour alone
        return [f"{found['id']}: {found['nodes'][0]['html'][:140]}" for found in result["violations"]]

    def overflow(self) -> list:
        return self.page.evaluate(OVERFLOW)


def _check(watched: Watched, path: str) -> None:
    status = watched.open(path)

    assert status == 200
    assert watched.overflow() == [False, []], path
    assert watched.findings() == [], path
    assert watched.complaints == [], path


def _options(size: str, scheme: str) -> dict:
    """axe is evaluated in the page, which the policy forbids: here, and only here, it is bypassed."""
    return {"viewport": SIZES[size], "color_scheme": scheme, "has_touch": size == "phone", "bypass_csp": True}


@pytest.mark.parametrize(
    ("size", "scheme"), [("desktop", "light"), ("desktop", "dark"), ("phone", "light"), ("phone", "dark"), ("tablet", "light")]
)
def test_the_agents_pages_are_sound(page_of, size, scheme):
    watched = Watched(page_of("acme", "ana", **_options(size, scheme)))

    for path in AGENT_PAGES:
        _check(watched, path)


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_the_admins_pages_are_sound(page_of, size):
    watched = Watched(page_of("acme", "ada", **_options(size, "light")))

    for path in ADMIN_PAGES:
        _check(watched, path)


@pytest.mark.parametrize(("size", "scheme"), [("desktop", "light"), ("phone", "light"), ("phone", "dark")])
def test_the_page_of_an_identity_provider_is_sound(page_of, size, scheme):
    watched = Watched(page_of("acme", "ada", **_options(size, scheme)))
    page = watched.page
    page.goto("/settings/sso/")
    typed = {"name": "Company log-in", "issuer": "https://login.example.com", "client_id": "atende", "client_secret": "x"}
    for name, value in typed.items():
        page.fill(f"[name={name}]", value)
    page.click("main form[action='/settings/sso/'] button[type=submit]")
    page.wait_for_url("**/?done=created")
    page.fill("[name=domain]", f"a-rather-long-name-of-a-domain-{size}-{scheme}.example")
    page.click("#domains footer button")
    page.wait_for_url("**/?done=domain*")

    _check(watched, page.url.partition("?")[0])
    _check(watched, "/settings/sso/")


@pytest.mark.parametrize(("size", "scheme"), [("desktop", "dark"), ("phone", "light")])
def test_the_operators_pages_are_sound(page_of, size, scheme):
    watched = Watched(page_of("", "operator", **_options(size, scheme)))

    for path in OPERATOR_PAGES:
        _check(watched, path)
    watched.page.goto("/operator/tenants/")
    _check(watched, watched.page.locator(".tname").first.get_attribute("href"))


@pytest.mark.parametrize("tenant", ["acme", ""])
@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_the_sign_in_page_is_sound(new_page, tenant, size):
    _check(Watched(new_page(tenant, **_options(size, "light"))), "/sign-in/")


@pytest.mark.parametrize("size", ["desktop", "phone"])
def test_the_pages_are_sound_in_portuguese(page_of, size):
    watched = Watched(page_of("acme", "bea", locale="pt-BR", **_options(size, "light")))
    _speak(watched.page, "pt-br")

    for path in ["/inbox/", FIRST_TICKET, "/me/"]:
        _check(watched, path)
        assert watched.page.locator("html").get_attribute("lang") == "pt-br"
    _speak(watched.page, "en")


def _speak(page, language: str) -> None:
    page.goto("/me/")
    page.check(f"[name=language][value={language}]", force=True)
    page.click("main button[type=submit]")
    page.wait_for_url("**/me/?saved=1")


@pytest.mark.parametrize("path", AGENT_PAGES)
def test_the_policy_is_kept(page_of, path):
    """With the policy in force, as users have it: nothing is reported, the script runs."""
    watched = Watched(page_of("acme", "ana", viewport=SIZES["desktop"]))

    watched.open(path)

    assert watched.complaints == []


def test_an_unknown_page_is_a_sound_page(page_of):
    watched = Watched(page_of("acme", "ana", **_options("desktop", "light")))

    assert watched.open("/nothing/") == 404
    assert watched.findings() == []


@pytest.fixture
def endless_words(stack) -> None:
    """An unassigned urgent ticket whose requester, subject and tags are as long as they may be and never break."""
    host = {"Host": stack.host("acme")}
    mail = EmailMessage()
    mail["From"] = f"{'Wolfeschlegelsteinhausenbergerdorff' * 3} <long@mail.example>"
    mail["To"], mail["Subject"] = "support@acme.localhost", "Donaudampfschifffahrtsgesellschaft" * 6
    mail.set_content("Rindfleischetikettierungsueberwachung" * 20)
    with smtplib.SMTP("127.0.0.1", stack.smtp_port, timeout=20) as smtp:
        smtp.send_message(mail)
    with httpx.Client(base_url=f"http://127.0.0.1:{stack.port}/api/v1", headers=host, timeout=20) as client:
        client.headers["Authorization"] = f"Bearer {stack.api_key('acme', 'ana', 'long words')}"
        deadline = time.monotonic() + 30
        while not (found := client.get("/tickets", params={"search": "Donaudampf"}).json()["results"]):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        tags = [f"{number}{'x' * 39}" for number in range(8)]
        changed = client.patch(f"/tickets/{found[0]['id']}", json={"priority": "urgent", "add_tags": tags, "assignee_id": None})
        assert changed.status_code == 200, changed.text


@pytest.mark.parametrize("size", [{"width": 320, "height": 640}, SIZES["tablet"], SIZES["desktop"]], ids=lambda size: str(size["width"]))
def test_endless_words_stay_on_the_screen(page_of, endless_words, size):
    watched = Watched(page_of("acme", "ada", viewport=size))

    for path in ["/inbox/v/unassigned/", FIRST_TICKET, "/settings/intake/"]:
        watched.open(path)
        assert watched.page.get_by_text("Donaudampf").count()
        assert watched.overflow() == [False, []], path


def test_a_narrow_screen_needs_no_sideways_scrolling(page_of):
    """400 % zoom is 320 pixels (WCAG 1.4.10)."""
    watched = Watched(page_of("acme", "ana", viewport={"width": 320, "height": 640}))

    for path in AGENT_PAGES:
        watched.open(path)
        assert watched.overflow() == [False, []], path
