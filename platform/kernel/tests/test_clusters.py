"""A tenant's cluster picks the connection; a unit of work never spans two of them."""

import dataclasses

import pytest
from django.db import connections
from shared_apps.accounts.models import Invitation, User
from shared_apps.tenants import schemas, services
from shared_apps.tenants.directory import as_ref
from shared_apps.tenants.models import Spare, Tenant
from tenant_apps.contacts.models import Contact
from tenant_apps.contacts.services import contact_for_email

from kernel import tenancy
from kernel.db.base import TenantSwitchInTransaction, WrongCluster
from kernel.db.owner import owner_connection
from kernel.db.routing import UnknownCluster
from kernel.problems import ValidationProblem
from kernel.uow import unit_of_work


@pytest.fixture
def far(second_cluster):
    """A tenant on the second cluster."""
    with tenancy.public_scope():
        tenant = services.create_tenant(name="Far Away", slug="far", owner_email="owner@far.example", cluster=second_cluster)
    return as_ref(tenant, "far.localhost")


def schemas_on(cluster):
    with owner_connection(cluster) as owner:
        return {name for (name,) in owner.execute("SELECT nspname FROM pg_namespace WHERE nspname LIKE 't\\_%'").fetchall()}


def test_a_tenant_lives_wholly_on_its_cluster(far, acme):
    with tenancy.tenant_scope(far):
        contact_for_email(email="mia@mail.example", name="Mia")
        names = list(Contact.objects.values_list("name", flat=True))
        invited = list(Invitation.objects.values_list("email", flat=True))
    with tenancy.tenant_scope(acme):
        seen_next_door = Contact.objects.filter(name="Mia").exists()

    assert (names, invited) == (["Mia"], ["owner@far.example"])
    assert not seen_next_door
    assert far.schema in schemas_on("second")
    assert far.schema not in schemas_on("default")


def test_spares_are_kept_on_each_cluster(far):
    schemas.keep_spares(1)

    with tenancy.public_scope():
        assert set(Spare.objects.values_list("cluster", flat=True)) == {"default", "second"}


def test_a_unit_of_work_reaches_no_other_cluster(far, acme):
    with pytest.raises(TenantSwitchInTransaction), tenancy.tenant_scope(acme), unit_of_work(), tenancy.tenant_scope(far):
        contact_for_email(email="mia@mail.example", name="Mia")

    with tenancy.tenant_scope(far):
        assert not Contact.objects.exists()


def test_a_connection_named_by_hand_is_refused_outside_its_cluster(far, acme):
    with tenancy.tenant_scope(acme), pytest.raises(WrongCluster):
        User.objects.using("second").exists()
    with tenancy.tenant_scope(far), pytest.raises(WrongCluster), connections["default"].cursor() as cursor:
        cursor.execute("SELECT 1")


def test_a_new_tenant_on_an_unknown_cluster_is_refused(in_public):
    before = Tenant.objects.count()

    with pytest.raises(ValidationProblem) as refusal:
        services.create_tenant(name="Nowhere", slug="nowhere", owner_email="owner@nowhere.example", cluster="moon")

    assert [(error.pointer, error.code) for error in refusal.value.errors] == [("/cluster", "unknown")]
    assert Tenant.objects.count() == before


def test_a_tenant_whose_cluster_is_not_configured_answers_nothing(acme, database):
    stray = dataclasses.replace(acme, cluster="moon")

    with tenancy.tenant_scope(stray), pytest.raises(UnknownCluster):
        User.objects.exists()
