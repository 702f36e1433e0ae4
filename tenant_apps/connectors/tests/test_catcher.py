"""The demo's catcher: files, the list for scripts, and that it runs in a demo only."""

import smtplib

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.test import RequestFactory

from tenant_apps.connectors import catcher
from tenant_apps.connectors.management.commands.run_mail_catcher import CatcherHandler
from tenant_apps.connectors.tests.mails import load
from tenant_apps.connectors.tests.smtp import running


@pytest.fixture(autouse=True)
def _folder(settings, tmp_path):
    settings.ATENDE_CATCHER_DIR = tmp_path / "catcher"


def test_mail_over_smtp_is_listed_newest_first_and_served_raw():
    with running(CatcherHandler()) as port, smtplib.SMTP("127.0.0.1", port, timeout=10) as client:
        client.sendmail("a@b.example", ["mia@customer.example"], load("empty_body"))
        client.sendmail("a@b.example", ["x@y.example"], load("iso_2022_jp"))

    answer = catcher.list_view(RequestFactory().get("/dev/mail/messages"))
    first, second = catcher.messages()
    assert (first.subject, first.recipient, second.recipient) == ("自転車の修理", "x@y.example", "mia@customer.example")
    assert answer.headers["Content-Type"] == "application/json"
    assert set(first.as_json()) == {"id", "from", "to", "subject", "raw_url", "received_at"}
    raw = catcher.raw_view(RequestFactory().get(first.raw_url), first.id)
    assert raw.content == load("iso_2022_jp")
    assert catcher.message(first.id)[1].sender.email == "yamada@customer.example"


@pytest.mark.parametrize("mail_id", ["../../etc/passwd", "x", "01930000-0000-7000-8000-000000000001"])
def test_unknown_and_malformed_ids_are_not_found(mail_id):
    assert catcher.message(mail_id) is None


def test_damaged_index_files_are_skipped():
    kept = catcher.store(load("empty_body"), recipient="a@b.example")
    (catcher.folder() / "broken.json").write_text("{")

    assert catcher.messages() == [kept]


def test_oldest_mails_go(monkeypatch):
    monkeypatch.setattr(catcher, "KEEP", 2)
    ids = [catcher.store(load("empty_body"), recipient="a@b.example").id for _ in range(3)]

    assert [mail.id for mail in catcher.messages()] == [ids[2], ids[1]]
    assert not (catcher.folder() / f"{ids[0]}.eml").exists()


@pytest.mark.parametrize(("production", "demo"), [(True, True), (False, False)])
def test_catcher_runs_in_a_demo_only(production, demo, settings):
    settings.IS_PRODUCTION, settings.ATENDE_DEMO = production, demo

    with pytest.raises(CommandError):
        call_command("run_mail_catcher")
