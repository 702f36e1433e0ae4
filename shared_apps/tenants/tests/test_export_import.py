"""A tenant leaves in a file and comes back as the same tenant, and nothing else does."""

import hashlib
import json
import os
import tracemalloc
import uuid
import zipfile

import pytest
from django.core.files.storage import default_storage
from django.core.management import CommandError, call_command
from kernel import storage, tenancy
from kernel.db.owner import owner_connection
from kernel.problems import ValidationProblem
from tenant_apps.connectors.models import Inbox
from tenant_apps.contacts.models import Contact
from tenant_apps.intake import services as intake
from tenant_apps.intake.models import InboundEvent
from tenant_apps.messaging.models import Attachment, Message

from shared_apps.audit import trail
from shared_apps.audit.models import AuditEntry
from shared_apps.tenants import lifecycle, services
from shared_apps.tenants.errors import ArchiveRefused, CopyDiffers, ExportRefused, OperationRunning
from shared_apps.tenants.lifecycle import archive, copying, journal, tables
from shared_apps.tenants.models import ChannelRoute, Tenant, TenantOperation
from shared_apps.tenants.selectors import channel_route
from shared_apps.tenants.tests.lives import SECRET_TEXT, column_values, new_tenant, reference_of, row_digests, schemas_and_roles

ADAPTED = {
    "audit_auditentry",
    "events_event",
    "events_counter",
    "accounts_invitation",
    "connectors_inbox",
    "messaging_delivery",
    "messaging_message",
}
"""Tables in which an import changes what the guide says it changes; their other columns are compared one by one."""
LEFT_OUT = tables.SECRETS


@pytest.fixture
def full(fresh_database):
    return new_tenant("canela")


@pytest.fixture
def file(tmp_path):
    return tmp_path / "canela.atende"


def export(slug, file, **options):
    call_command("export_tenant", slug, "--to", str(file), **options)


def bring_in(file, slug="back", *more):
    call_command("import_tenant", str(file), "--slug", slug, *more)
    return reference_of(slug)


def leave_and_return(tenant, file):
    """Export, deletion, import; what was there before and the tenant that is there now."""
    export("canela", file)
    before = row_digests(tenant)
    columns = unchanged_columns(tenant)
    call_command("delete_tenant", "canela", "--confirm", "canela")
    return before, columns, bring_in(file)


def unchanged_columns(tenant):
    """What an import leaves alone in the tables it adapts."""
    return {
        "connectors_inbox": column_values(tenant, "connectors_inbox", "id", "public_id", "connector", "name", "config", "is_paused"),
        "messaging_message": column_values(tenant, "messaging_message", "id", "public_id", "body_text", "body_html", "external_id", "kind"),
        "messaging_delivery": column_values(tenant, "messaging_delivery", "id", "recipient", "attempts", "message_id"),
        "accounts_invitation": column_values(tenant, "accounts_invitation", "id", "public_id", "email", "role", "used_at"),
    }


def test_what_was_exported_and_deleted_comes_back_row_by_row(full, file, no_pause):
    before, columns, back = leave_and_return(full, file)

    after = row_digests(back)
    assert {name for name in before if after[name] != before[name]} - ADAPTED - LEFT_OUT == set()
    assert {name for name in ADAPTED | LEFT_OUT if name in before} <= set(before)
    assert unchanged_columns(back) == columns
    assert sum(facts.rows for facts in before.values()) > 40
    assert back.id != full.id
    assert back.schema != full.schema


def test_a_row_that_was_lost_on_the_way_would_be_seen(full, file, no_pause, monkeypatch):
    before, _, back = leave_and_return(full, file)
    with tenancy.tenant_scope(back):
        InboundEvent.objects.order_by("-id").first().delete()

    after = row_digests(back)

    assert {name for name in before if after[name] != before[name]} - ADAPTED - LEFT_OUT == {"intake_inboundevent"}


def test_credentials_do_not_travel(full, file):
    export("canela", file)

    names = set(zipfile.ZipFile(file).namelist())
    assert not names & {f"tables/{name}.copy" for name in tables.SECRETS}
    assert row_digests(full)["accounts_apikey"].rows == 1
    assert row_digests(bring_in(file))["accounts_apikey"].rows == 0


def test_the_archive_can_be_read_by_its_owner_only(full, file):
    export("canela", file)

    assert file.stat().st_mode & 0o777 == 0o600
    assert list(file.parent.iterdir()) == [file]


def test_files_come_along_under_the_new_tenants_folder(full, file):
    export("canela", file)

    back = bring_in(file)

    with tenancy.tenant_scope(back):
        attachment = Attachment.objects.get()
        content = storage.get(attachment.storage_key)
    assert attachment.storage_key.startswith(f"{back.id}/")
    assert content == b"ten o'clock \x00\xff"
    assert storage.sha256(content) == attachment.sha256


def test_numbers_go_on_behind_the_highest(full, file):
    export("canela", file)

    back = bring_in(file)

    with tenancy.tenant_scope(back):
        highest = InboundEvent.objects.order_by("-id").first()
        copy = InboundEvent.objects.get(pk=highest.pk)
        copy.pk, copy.public_id, copy.dedup_key = None, uuid.uuid4(), "another"
        copy.save()
        assert copy.pk == highest.pk + 1


def test_hooks_get_a_new_key_and_mail_the_new_host(full, file):
    export("canela", file)

    back = bring_in(file)

    with tenancy.tenant_scope(back):
        hook, mail = Inbox.objects.get(connector="api"), Inbox.objects.get(connector="email")
    assert hook.address != "key-of-canela"
    assert "needs a new secret" in hook.last_error
    assert mail.address == "support@back.localhost"
    assert channel_route("api", "key-of-canela").tenant.id == full.id
    assert (channel_route("api", hook.address).tenant.id, channel_route("api", hook.address).secret) == (back.id, "")
    assert channel_route("email", "support@back.localhost").tenant.id == back.id


def test_a_passphrase_carries_the_secret_of_a_hook(full, file, tmp_path):
    phrase = tmp_path / "phrase"
    phrase.write_text("correct horse battery staple\n")
    secret = channel_route("api", "key-of-canela").secret
    export("canela", file, passphrase_file=phrase)
    assert secret.encode() not in zipfile.ZipFile(file).read("manifest.json")

    back = bring_in(file, "back", "--passphrase-file", str(phrase))

    with tenancy.tenant_scope(back):
        hook = Inbox.objects.get(connector="api")
    assert channel_route("api", hook.address).secret == secret
    assert hook.last_error == ""
    with tenancy.public_scope():
        assert set(TenantOperation.objects.get(kind="import").data) == {"origin", "is_ours", "target", "attention"}


def test_an_address_of_a_living_tenant_is_not_taken_over(full, file):
    with tenancy.tenant_scope(full):
        Inbox.objects.filter(connector="email").update(address="help@canela.example")
    with tenancy.public_scope():
        ChannelRoute.objects.filter(connector="email", tenant__slug="canela").update(external_id="help@canela.example")
    export("canela", file)

    back = bring_in(file)

    with tenancy.tenant_scope(back):
        inbox = Inbox.objects.get(connector="email")
    assert inbox.address == "help@back.localhost"
    assert "help@canela.example" in inbox.last_error
    assert channel_route("email", "help@canela.example").tenant.id == full.id


def test_what_waited_to_be_sent_is_held_and_can_be_sent_by_hand(full, file):
    export("canela", file)

    back = bring_in(file)

    with tenancy.tenant_scope(back):
        states = list(Message.objects.filter(delivery__isnull=False).values_list("delivery_state", "delivery_error"))
    assert [state for state, _ in states] == ["failed"]
    assert states[0][1].startswith("Held")
    with tenancy.tenant_scope(full):
        assert list(Message.objects.filter(delivery__isnull=False).values_list("delivery_state", flat=True)) == ["queued"]


def test_mail_that_was_not_processed_yet_is_processed_in_the_new_place(full, file):
    export("canela", file)
    back = bring_in(file)

    with tenancy.tenant_scope(back):
        waiting = InboundEvent.objects.get(state="received")
        intake.process_inbound(inbound_id=waiting.pk)
        waiting.refresh_from_db()

    assert waiting.state in {"done", "ignored"}


# --- audit -------------------------------------------------------------------------------------------------------------
def test_the_audit_chain_goes_on_behind_a_boundary_and_verifies(full, file):
    with tenancy.tenant_scope(full):
        carried = trail.head()
    export("canela", file)

    back = bring_in(file)

    with tenancy.tenant_scope(back):
        boundary = AuditEntry.objects.get(action="audit.imported")
        assert trail.first_broken_entry() is None
    assert boundary.n == carried["entries"] + 1
    assert bytes(boundary.previous_hash).hex() == carried["head"]
    assert boundary.changes["origin"] == str(full.id)


@pytest.mark.parametrize("has_the_key", [True, False])
def test_tampering_with_carried_entries_is_found(full, file, has_the_key):
    export("canela", file)
    back = bring_in(file)
    change_entry(back, 2, "action = 'nothing.happened'")

    if not has_the_key:
        forge_boundary_of_another_installation(back)
    with tenancy.tenant_scope(back):
        broken = trail.first_broken_entry()

    assert broken == (2 if has_the_key else 1)


def test_a_chain_from_another_installation_verifies_by_its_digest(full, file):
    export("canela", file)
    back = bring_in(file)
    forge_boundary_of_another_installation(back)

    with tenancy.tenant_scope(back):
        assert trail.first_broken_entry() is None


def change_entry(tenant, n, change):
    with owner_connection(tenant.cluster) as connection:
        connection.execute(f'UPDATE "{tenant.schema}".audit_auditentry SET {change} WHERE n = %s', [n])


def forge_boundary_of_another_installation(tenant):
    """Writes the boundary anew as an import from elsewhere would have written it."""
    with tenancy.tenant_scope(tenant):
        entries = list(AuditEntry.objects.order_by("n"))
        boundary = next(entry for entry in entries if entry.action == "audit.imported")
        previous, changed = bytes(boundary.previous_hash), []
        boundary.changes = {**boundary.changes, "is_ours": False}
        for entry in entries[boundary.n - 1 :]:
            entry.previous_hash, entry.hash = previous, trail._hash(entry, previous, str(tenant.id))
            previous = entry.hash
            changed.append((entry.n, entry.changes, entry.previous_hash, entry.hash))
    with owner_connection(tenant.cluster) as connection:
        for n, changes, before, own in changed:
            connection.execute(
                f'UPDATE "{tenant.schema}".audit_auditentry SET changes = %s, previous_hash = %s, hash = %s WHERE n = %s',
                [json.dumps(changes), before, own, n],
            )


# --- refusals ----------------------------------------------------------------------------------------------------------
def everything(tmp_path):
    """What a refused import or export must leave as it was."""
    with tenancy.public_scope():
        rows = (Tenant.objects.count(), ChannelRoute.objects.count(), TenantOperation.objects.exclude(state="done").count())
    return rows, schemas_and_roles(), sorted(default_storage.listdir("")[0]), sorted(path.name for path in tmp_path.iterdir())


def rewrite(file, change, *, members=None):
    """Writes the archive again with another manifest and other members."""
    with zipfile.ZipFile(file) as old:
        contents = {name: old.read(name) for name in old.namelist()}
    manifest = json.loads(contents["manifest.json"])
    change(manifest)
    contents |= members or {}
    contents["manifest.json"] = json.dumps(manifest).encode()
    with zipfile.ZipFile(file, "w") as new:
        for name, content in contents.items():
            new.writestr(name, content)


def elsewhere(manifest):
    """As if another installation had written it, so that no seal of ours speaks for it."""
    manifest["installation"] = "0" * 16


def list_evil_file(manifest):
    elsewhere(manifest)
    manifest["files"].update(rows=1, bytes=len(EVIL_FILE), sha256=hashlib.sha256(EVIL_FILE).hexdigest())


EVIL_FILE = json.dumps({"key": "../../etc/passwd", "sha256": "0" * 64, "size": 0}).encode() + b"\n"
REFUSED = {
    "other fingerprint": (lambda m: m.update(fingerprint="f" * 32), None, "made by a product with the migrations ffff"),
    "newer format": (lambda m: m.update(version=2), None, "format version 2"),
    "another kind of file": (lambda m: m.update(format="holiday"), None, "not an archive of a tenant"),
    "manifest without tables": (lambda m: m.pop("tables"), None, "not complete"),
    "altered manifest": (lambda m: m["tenant"].update(name="Evil"), None, "seal"),
    "altered rows": (elsewhere, {"tables/contacts_contact.copy": b"1\tx\n"}, "contacts_contact.copy is damaged or was altered"),
    "altered list of files": (elsewhere, {"files.jsonl": b""}, "files.jsonl is damaged or was altered"),
    "a member too many": (elsewhere, {"tables/pg_authid.copy": b""}, "members"),
    "a path as a file's key": (list_evil_file, {"files.jsonl": EVIL_FILE}, "not a file's key"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_an_archive_that_is_not_right_is_refused_and_changes_nothing(full, file, tmp_path, name):
    change, members, words = REFUSED[name]
    export("canela", file)
    rewrite(file, change, members=members)
    before = everything(tmp_path)

    with pytest.raises(CommandError, match=words):
        bring_in(file)

    assert everything(tmp_path) == before


@pytest.mark.parametrize("keep", [0, 30, 5000, -1])
def test_a_truncated_archive_is_refused(full, file, tmp_path, keep):
    export("canela", file)
    file.write_bytes(file.read_bytes()[:keep])
    before = everything(tmp_path)

    with pytest.raises(CommandError, match="not a complete archive"):
        bring_in(file)

    assert everything(tmp_path) == before


def test_an_untouched_archive_would_not_be_refused(full, file):
    export("canela", file)
    rewrite(file, elsewhere)

    assert bring_in(file).state == "active"


@pytest.mark.parametrize(
    ("slug", "more", "words"),
    [
        ("globex", [], "taken"),
        ("canela", [], "taken"),
        ("admin", [], "reserved"),
        ("асme", [], "confusable"),
        ("No Slug", [], "malformed"),
        ("back", ["--cluster", "moon"], "unknown"),
    ],
)
def test_a_bad_target_is_refused_and_changes_nothing(full, file, tmp_path, slug, more, words):
    export("canela", file)
    before = everything(tmp_path)

    with pytest.raises(CommandError, match=words):
        bring_in(file, slug, *more)

    assert everything(tmp_path) == before


def test_a_wrong_passphrase_is_refused(full, file, tmp_path):
    right, wrong = tmp_path / "right", tmp_path / "wrong"
    right.write_text("correct horse battery staple")
    wrong.write_text("incorrect horse battery staple")
    export("canela", file, passphrase_file=right)
    before = everything(tmp_path)

    with pytest.raises(CommandError, match="passphrase does not open"):
        bring_in(file, "back", "--passphrase-file", str(wrong))

    assert everything(tmp_path) == before


def test_an_export_never_writes_over_a_file(full, file):
    file.write_text("dear diary")

    with pytest.raises(CommandError, match="exists already"):
        export("canela", file)

    assert file.read_text() == "dear diary"


def test_an_interrupted_export_leaves_nothing(full, file, tmp_path):
    class Interrupted:
        def reached(self, point, done=0, total=0):
            if point == "write.rows" and done:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        lifecycle.export_tenant(tenant=row("canela"), path=file, reporter=Interrupted())

    assert list(tmp_path.iterdir()) == []
    with tenancy.public_scope():
        assert list(TenantOperation.objects.values_list("kind", "state")) == [("export", "undone")]


def test_a_tenant_that_is_behind_is_not_exported(full, file):
    with tenancy.public_scope():
        Tenant.objects.filter(slug="canela").update(fingerprint="old")

    with pytest.raises(ExportRefused):
        lifecycle.export_tenant(tenant=row("canela"), path=file)

    assert not file.exists()


def row(slug):
    with tenancy.public_scope():
        return Tenant.objects.get(slug=slug)


def test_a_second_operation_on_the_tenant_is_refused(full, file):
    journal.begin(kind="delete", tenant_id=full.id, slug="canela", data={})

    with pytest.raises(OperationRunning):
        lifecycle.export_tenant(tenant=row("canela"), path=file)


def test_rows_that_change_on_their_way_into_the_schema_are_noticed(full, file, tmp_path, monkeypatch):
    export("canela", file)
    before = everything(tmp_path)
    load = tables.load

    def lossy(connection, schema, table, blocks):
        load(connection, schema, table, (block.replace(b"spoke", b"spike") for block in blocks))

    monkeypatch.setattr(tables, "load", lossy)

    with pytest.raises(CopyDiffers):
        lifecycle.import_tenant(path=file, slug="back")

    with tenancy.public_scope():
        assert TenantOperation.objects.get(kind="import").state == "undone"
    assert everything(tmp_path)[1:] == before[1:]


def test_without_the_comparison_changed_rows_would_pass(full, file, monkeypatch):
    """The bite: the test above is about the comparison and nothing else."""
    export("canela", file)
    load = tables.load
    monkeypatch.setattr(tables, "load", lambda c, s, t, b: load(c, s, t, (block.replace(b"spoke", b"spike") for block in b)))
    monkeypatch.setattr(copying, "_compare", lambda *_: None)

    lifecycle.import_tenant(path=file, slug="back")

    with tenancy.tenant_scope(reference_of("back")):
        assert not Message.objects.filter(body_text__contains="spoke").exists()


def test_an_archive_holds_the_words_and_a_refused_one_is_named(full, file):
    export("canela", file)

    text = zipfile.ZipFile(file).read("tables/messaging_message.copy").decode()
    assert SECRET_TEXT in text
    with pytest.raises(ArchiveRefused), archive.opened(file.with_name("missing")):
        pass


# --- two at a time -----------------------------------------------------------------------------------------------------
class During:
    """A reporter that does something once, at one point."""

    def __init__(self, point, act):
        self.point, self.act, self.found = point, act, []

    def reached(self, point, done=0, total=0):
        if point == self.point and not self.found:
            self.found.append(None)
            self.found[0] = self.act()


def test_while_an_import_runs_its_slug_is_taken(full, file):
    def sign_up():
        with tenancy.public_scope(), pytest.raises(ValidationProblem) as refusal:
            services.create_tenant(name="Quick", slug="back", owner_email="o@quick.example")
        return [error.code for error in refusal.value.errors]

    export("canela", file)
    during = During("files", sign_up)

    tenant = lifecycle.import_tenant(path=file, slug="back", reporter=during)

    assert during.found == [["taken"]]
    assert tenant.state == "active"


def test_a_second_import_does_not_take_over_from_one_that_lives(full, file, monkeypatch):
    monkeypatch.setattr(journal, "_PATIENCE", "100ms")

    def again():
        with pytest.raises(OperationRunning):
            lifecycle.import_tenant(path=file, slug="back")
        return "refused"

    export("canela", file)
    during = During("files", again)

    tenant = lifecycle.import_tenant(path=file, slug="back", reporter=during)

    assert during.found == ["refused"]
    assert tenant.state == "active"
    with tenancy.public_scope():
        assert list(TenantOperation.objects.filter(kind="import").values_list("state", flat=True)) == ["done"]


def test_a_slug_that_was_taken_at_the_last_moment_undoes_the_import(full, file):
    """Whoever checked before the import began may still come first."""

    def sign_up():
        with tenancy.public_scope():
            Tenant.objects.filter(slug="globex").update(slug="back")

    export("canela", file)
    before = schemas_and_roles()

    with pytest.raises(ValidationProblem):
        lifecycle.import_tenant(path=file, slug="back", reporter=During("register", sign_up))

    assert schemas_and_roles() == before
    with tenancy.public_scope():
        assert TenantOperation.objects.get(kind="import").state == "undone"


def test_what_happens_after_the_snapshot_is_not_in_the_archive(full, file):
    def write():
        with tenancy.tenant_scope(full):
            Contact.objects.create(name="Too late")

    before = row_digests(full)
    lifecycle.export_tenant(tenant=row("canela"), path=file, reporter=During("write.rows", write))

    with archive.opened(file) as source:
        source.check()
        assert {name: facts["sha256"] for name, facts in source.manifest["tables"].items()} == {
            name: facts.sha256 for name, facts in before.items() if name not in LEFT_OUT
        }
    with tenancy.tenant_scope(full):
        assert Contact.objects.filter(name="Too late").exists()


def test_a_large_file_passes_without_filling_the_memory(full, file):
    size = 40 * 1024 * 1024
    with tenancy.tenant_scope(full):
        attachment = Attachment.objects.get()
        storage.put_blocks(attachment.storage_key, (os.urandom(1024 * 1024) for _ in range(size // 1024**2)))
    tracemalloc.start()

    export("canela", file)
    bring_in(file)

    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert file.stat().st_size > size
    assert peak < size / 2


def test_no_column_but_storage_key_holds_a_key_of_a_stored_file(full):
    """The convention that copying stands on: a file key in another column would keep the original's id."""
    found = []
    with owner_connection(full.cluster) as connection:
        for table in tables.tables_of(connection, full.schema):
            for column in table.columns:
                query = f'SELECT 1 FROM "{full.schema}".{table.name} WHERE "{column}"::text LIKE %s LIMIT 1'
                if connection.execute(query, [f"%{full.id}/%"]).fetchone():
                    found.append((table.name, column))

    assert found == [("messaging_attachment", "storage_key")]
