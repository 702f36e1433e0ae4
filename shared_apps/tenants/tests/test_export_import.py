"""A tenant leaves in a file and comes back as the same tenant, and nothing else does."""

import os
import tracemalloc
import uuid
import zipfile

from django.core.management import call_command
from kernel import storage, tenancy
from kernel.db.owner import owner_connection
from tenant_apps.connectors.models import Inbox
from tenant_apps.contacts.models import Contact
from tenant_apps.intake import services as intake
from tenant_apps.intake.models import InboundEvent
from tenant_apps.messaging.models import Attachment, Message

from shared_apps.tenants import lifecycle
from shared_apps.tenants.lifecycle import archive, tables
from shared_apps.tenants.models import ChannelRoute, TenantOperation
from shared_apps.tenants.selectors import channel_route
from shared_apps.tenants.tests.archives import ADAPTED, LEFT_OUT, During, bring_in, export, row
from shared_apps.tenants.tests.lives import column_values, row_digests


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
