"""A forgotten password: asked for by anybody, set by whoever reads the mailbox. Attack cases B03, B07 and B22 among them."""

import datetime
import re

import pytest
import time_machine
from django.test import Client
from django.test.utils import CaptureQueriesContext
from kernel import tenancy
from kernel.clock import now
from kernel.db.routing import connection_in_scope
from kernel.problems import TooManyRequests

from shared_apps.accounts import services
from shared_apps.accounts.errors import InvalidCredentials
from shared_apps.accounts.models import AccountMail, User
from shared_apps.accounts.services.users import account_bucket
from shared_apps.accounts.tests.mailbox import LINK, letters, path_in, send_all
from shared_apps.audit.models import AuditEntry

PASSWORD = "atende-demo"
NEW = "a wholly new phrase"
_TOKEN = re.compile(rb'name="csrfmiddlewaretoken" value="\w+"|X-CSRFToken[^}]+')


@pytest.fixture
def visitor(acme, database):
    """A browser that is nobody's."""
    return Client(HTTP_HOST=acme.host)


def ask(tenant, relay, email="ana@acme.example"):
    with tenancy.tenant_scope(tenant):
        services.request_password_reset(email=email)
        send_all()
    return letters(relay)[-1][1]


def test_the_link_sets_a_password_once_and_ends_all_sessions(acme, ana, relay, visitor, browser_for):
    signed_in = browser_for(ana)
    path = path_in(ask(acme, relay))

    shown = visitor.get(path)
    done = visitor.post(path, {"password": NEW})

    assert (shown.status_code, done.status_code, done["Location"]) == (200, 302, "/sign-in/?done=password")
    assert signed_in.get("/inbox/").status_code == 302
    assert visitor.get("/me/").status_code == 302
    assert visitor.post(path, {"password": "yet another phrase"}).status_code == 409
    with tenancy.tenant_scope(acme):
        assert services.check_credentials(email=ana.email, password=NEW) == ana
        with pytest.raises(InvalidCredentials):
            services.check_credentials(email=ana.email, password=PASSWORD)
        send_all()
        assert {"password.request_reset", "password.reset"} <= set(AuditEntry.objects.values_list("action", flat=True))
    assert [to for to, _ in letters(relay)] == [ana.email, ana.email]


def test_a_weak_password_leaves_the_link_open(acme, ana, relay, visitor):
    path = path_in(ask(acme, relay))

    assert visitor.post(path, {"password": "password"}).status_code == 422
    assert visitor.post(path, {"password": NEW}).status_code == 302


def test_the_link_ends_after_an_hour(acme, ana, relay, visitor):
    path = path_in(ask(acme, relay))

    with time_machine.travel(now() + datetime.timedelta(minutes=61), tick=False):
        answer = visitor.post(path, {"password": NEW})

    assert answer.status_code == 409
    with tenancy.tenant_scope(acme):
        assert services.check_credentials(email=ana.email, password=PASSWORD) == ana


def test_the_link_ends_with_a_change_of_the_password(acme, ana, relay, visitor):
    path = path_in(ask(acme, relay))
    with tenancy.tenant_scope(acme):
        services.change_password(user=User.objects.get(pk=ana.pk), current=PASSWORD, new="changed in between")

    assert visitor.get(path).status_code == 409


def test_a_link_of_another_tenant_or_kind_opens_nothing(acme, globex, ana, relay, visitor):
    path = path_in(ask(acme, relay))

    assert Client(HTTP_HOST=globex.host).get(path).status_code == 409
    assert visitor.get(path.replace("password-reset", "email-undo")).status_code == 409
    assert visitor.get(path[:-2] + "a/").status_code == 409 or path[-2] == "a"


def test_an_inactive_user_gets_no_link(in_acme, ana, relay):
    User.objects.filter(pk=ana.pk).update(is_active=False)

    services.request_password_reset(email=ana.email)
    send_all()

    assert letters(relay) == []


def test_a_refusal_of_the_mail_server_is_repeated(in_acme, ana, relay):
    relay.data_answer = "451 Later"
    services.request_password_reset(email=ana.email)
    send_all()
    relay.data_answer = ""

    assert services.sweep().next_at is not None
    with time_machine.travel(now() + datetime.timedelta(minutes=1), tick=False):
        send_all()

    assert len(letters(relay)) == 1


def test_mails_are_forgotten_after_a_month(in_acme, ana):
    services.request_password_reset(email=ana.email)

    assert services.forget_old_mails() == 0
    with time_machine.travel(now() + datetime.timedelta(days=31), tick=False):
        assert services.forget_old_mails() == 1


def test_the_api_does_the_same(acme, ana, relay, client_for):
    nobody = client_for(None, acme)
    asked = nobody.post_json("/api/v1/password-resets", {"email": ana.email})
    with tenancy.tenant_scope(acme):
        send_all()
    path = "/api/v1" + path_in(letters(relay)[0][1]).replace("password-reset/", "password-resets/").rstrip("/")

    weak, done, again = (nobody.put_json(path, {"password": password}) for password in ("short", NEW, NEW))

    assert (asked.status_code, weak.status_code, done.status_code, again.status_code) == (202, 422, 204, 409)
    with tenancy.tenant_scope(acme):
        assert services.check_credentials(email=ana.email, password=NEW) == ana


# --- attack cases ------------------------------------------------------------------------------------------------------
def test_b03_known_and_unknown_addresses_get_the_same_bytes_for_the_same_work(acme, ana, client_for, visitor):
    visitor.get("/password-reset/")  # whatever a process remembers of the tenant
    seen = []
    for email in ("ana@acme.example", "nobody@acme.example"):
        with tenancy.tenant_scope(acme):
            connection = connection_in_scope()
        with CaptureQueriesContext(connection) as queries:
            page = visitor.post("/password-reset/", {"email": email})
            api = client_for(None, acme).post_json("/api/v1/password-resets", {"email": email})
        statements = [re.sub(r"'[^']*'|\d+", "?", query["sql"]) for query in queries]
        shown = _TOKEN.sub(b"", visitor.get(page["Location"]).content)
        seen.append((page.status_code, page.content, page["Location"], shown, api.status_code, api.content, statements))

    assert seen[0] == seen[1]
    with tenancy.tenant_scope(acme):
        assert AccountMail.objects.count() == 4


def test_b03_an_unknown_address_gets_no_mail(in_acme, relay):
    services.request_password_reset(email="nobody@acme.example")
    send_all()

    assert letters(relay) == []
    assert AccountMail.objects.filter(sent_at=None).count() == 0


def test_b03_sign_in_answers_known_and_unknown_addresses_alike(visitor, ana):
    known, unknown = (visitor.post("/sign-in/", {"email": email, "password": "x"}) for email in (ana.email, "abc@acme.example"))

    assert known.status_code == unknown.status_code == 401
    assert _TOKEN.sub(b"", known.content).replace(ana.email.encode(), b"abc@acme.example") == _TOKEN.sub(b"", unknown.content)


@pytest.mark.parametrize(
    "spelling",
    ["ANA@ACME.EXAMPLE", " ana@acme.example ", "a.na@acme.example", "\uff41na@acme.example", "ana@acme.example.", "an\u00aa@acme.example"],
)
def test_b07_all_spellings_of_an_address_share_one_count(spelling):
    assert account_bucket(spelling) == account_bucket("ana@acme.example")


def test_b07_a_dotless_i_or_a_kelvin_sign_has_no_count_of_its_own():
    assert account_bucket("m\u0131ke@acme.example") == account_bucket("mike@acme.example")
    assert account_bucket("mi\u212ae@acme.example") == account_bucket("mike@acme.example")
    assert account_bucket("mike@acme.example") != account_bucket("mika@acme.example")


def test_b07_the_lock_out_is_shared(in_acme, ana):
    for number in range(10):
        with pytest.raises(InvalidCredentials):
            services.check_credentials(email="ANA@acme.example" if number % 2 else "a.na@acme.example", password="wrong")

    with pytest.raises(TooManyRequests):
        services.check_credentials(email=ana.email, password=PASSWORD)


def test_a_mailbox_is_not_flooded(in_acme, ana):
    for _ in range(5):
        services.request_password_reset(email=ana.email)

    with pytest.raises(TooManyRequests):
        services.request_password_reset(email="ANA@acme.example")
    assert AccountMail.objects.count() == 5


def test_a_reset_goes_to_the_stored_address(in_acme, ana, relay):
    services.request_password_reset(email="ANA@ACME.example")
    send_all()

    assert letters(relay)[0][0] == "ana@acme.example"


@pytest.mark.parametrize("headers", [{"HTTP_X_FORWARDED_HOST": "evil.example"}, {"HTTP_FORWARDED": "host=evil.example"}])
def test_b22_the_link_names_the_stored_domain(acme, ana, relay, visitor, headers):
    visitor.post("/password-reset/", {"email": ana.email}, **headers)
    with tenancy.tenant_scope(acme):
        send_all()

    assert LINK.search(letters(relay)[0][1])[2].split(":")[0] == acme.host


def test_b22_a_hostile_host_is_nobody(acme, ana):
    hostile = Client(HTTP_HOST=f"{acme.host}.evil.example")

    assert hostile.post("/password-reset/", {"email": ana.email}).status_code == 404
    with tenancy.tenant_scope(acme):
        assert AccountMail.objects.count() == 0


def test_b01_an_invitation_ends_and_works_once(acme, visitor):
    with tenancy.tenant_scope(acme):
        invitations = [services.invite(email=f"{name}@acme.example", role="agent") for name in ("once", "late")]
        paths = [f"/invitations/{services.invitations.token_of(one)}/" for one in invitations]
    form = {"name": "New Person", "password": "a-long-enough-phrase"}

    assert visitor.post(paths[0], form).status_code == 302
    assert visitor.post(paths[0], form).status_code == 409
    with time_machine.travel(now() + datetime.timedelta(days=7, seconds=1), tick=False):
        assert visitor.post(paths[1], form).status_code == 409
    with tenancy.tenant_scope(acme):
        assert list(User.objects.filter(email__in=["once@acme.example", "late@acme.example"]).values_list("email", flat=True)) == [
            "once@acme.example"
        ]
