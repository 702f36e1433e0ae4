"""An archive or a target that is not right is refused, and everything stays as it was."""

import hashlib
import json
import zipfile

import pytest
from django.core.management import CommandError
from kernel import tenancy
from tenant_apps.messaging.models import Message

from shared_apps.tenants import lifecycle
from shared_apps.tenants.errors import ArchiveRefused, CopyDiffers, ExportRefused
from shared_apps.tenants.lifecycle import archive, copying, tables
from shared_apps.tenants.models import Tenant, TenantOperation
from shared_apps.tenants.tests.archives import bring_in, elsewhere, everything, export, rewrite, row
from shared_apps.tenants.tests.lives import SECRET_TEXT, reference_of


def list_evil_file(manifest):
    elsewhere(manifest)
    manifest["files"].update(rows=1, bytes=len(EVIL_FILE), sha256=hashlib.sha256(EVIL_FILE).hexdigest())


EVIL_FILE = json.dumps({"key": "../../etc/passwd", "sha256": "0" * 64, "size": 0}).encode() + b"\n"
REFUSED = {
    "other fingerprint": (lambda m: m.update(fingerprint="f" * 32), None, "made by a product with the migrations ffff"),
    "newer format": (lambda m: m.update(version=2), None, "format version 2"),
    "another kind of file": (lambda m: m.update(format="holiday"), None, "not an archive of a tenant"),
    "manifest without tables": (lambda m: m.pop("tables"), None, "not complete"),
    "an id that is none": (lambda m: m["tenant"].update(id="../x"), None, "not complete"),
    "a name that is too long": (lambda m: m["tenant"].update(name="x" * 121), None, "describes no tenant"),
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
        ("gl0bex", [], "confusable"),
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
