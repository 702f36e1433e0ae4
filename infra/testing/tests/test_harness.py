"""The harness itself: each test is one transaction, tenants are apart, fresh databases are fresh."""

import pytest
from django.db import connection
from kernel import tenancy
from kernel.uow import unit_of_work
from shared_apps.accounts.models import User
from tenant_apps.contacts.models import Contact
from tenant_apps.contacts.services import contact_for_email


@pytest.mark.parametrize("run", [1, 2])
def test_what_a_test_writes_is_gone_in_the_next(in_acme, run):
    assert not Contact.objects.filter(name="Left behind").exists()

    contact_for_email(email="left@mail.example", name="Left behind")

    assert Contact.objects.filter(name="Left behind").exists()


def test_a_test_may_enter_two_tenants_in_its_transaction(acme, globex, db):
    with tenancy.tenant_scope(acme), unit_of_work():
        contact_for_email(email="one@mail.example", name="One")
    with tenancy.tenant_scope(globex):
        assert not Contact.objects.filter(name="One").exists()
        assert list(User.objects.values_list("email", flat=True)) == ["rui@globex.example"]


def test_a_fresh_database_commits_and_is_a_clone(fresh_database, acme):
    with tenancy.tenant_scope(acme):
        contact_for_email(email="kept@mail.example", name="Kept")
        assert not connection.in_atomic_block
        assert connection.settings_dict["NAME"] == fresh_database
        assert User.objects.filter(email="ana@acme.example").exists()


def test_people_of_the_template_sign_in_with_the_demo_password(ana, operator):
    assert ana.check_password("atende-demo")
    assert operator.check_password("atende-demo")
