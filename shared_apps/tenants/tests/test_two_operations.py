"""Two operations at a time, and names that somebody else wants meanwhile."""

import pytest
from django.db import IntegrityError
from kernel import tenancy
from kernel.problems import ValidationProblem

from shared_apps.tenants import lifecycle, services
from shared_apps.tenants.errors import OperationRunning
from shared_apps.tenants.lifecycle import journal
from shared_apps.tenants.models import Tenant, TenantOperation
from shared_apps.tenants.tests.archives import During, export, row
from shared_apps.tenants.tests.lives import schemas_and_roles


def test_a_second_operation_on_the_tenant_is_refused(full, file):
    journal.begin(kind="delete", tenant_id=full.id, slug="canela", data={})

    with pytest.raises(OperationRunning):
        lifecycle.export_tenant(tenant=row("canela"), path=file)


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


def test_an_operation_keeps_no_row_of_the_tenant_in_its_error(full, file):
    """The row outlives the tenant and is shown to operators; what a database says of a broken row must not be in it."""

    def fail():
        raise IntegrityError("duplicate key, DETAIL: Key (email)=(mia@customer.example)")

    with pytest.raises(IntegrityError):
        lifecycle.export_tenant(tenant=row("canela"), path=file, reporter=During("write.rows", fail))

    with tenancy.public_scope():
        assert TenantOperation.objects.get().error == "IntegrityError"
