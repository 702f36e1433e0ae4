"""The platform API."""

import pytest
from conftest import ApiClient
from kernel import tenancy
from kernel.ids import new_id

from shared_apps.accounts import services as accounts
from shared_apps.tenants.models import Tenant, TenantOperation

TENANTS = "/api/platform/v1/tenants"


@pytest.fixture
def operator_client(operator, client_for):
    with tenancy.public_scope():
        _, key = accounts.create_api_key(user=operator, name="test")
    return ApiClient("localhost", key)


def test_the_list_searches_and_filters(operator_client, acme, globex):
    everything = operator_client.get(TENANTS).json()["results"]
    found = operator_client.get(f"{TENANTS}?search=glob").json()["results"]

    assert {row["slug"] for row in everything} == {"acme", "globex"}
    assert [(row["slug"], row["host"], row["state"], row["is_current"]) for row in found] == [
        ("globex", "globex.localhost", "active", True)
    ]
    assert operator_client.get(f"{TENANTS}?state=suspended").json()["results"] == []


@pytest.mark.parametrize("path", [TENANTS, f"{TENANTS}/01a20000-0000-7000-8000-000000000000"])
def test_only_operators_may(path, client_for, ana, acme):
    nobody, agent = client_for(None), client_for(ana)
    nobody.defaults["HTTP_HOST"] = agent.defaults["HTTP_HOST"] = "localhost"

    assert nobody.get(path).status_code == 401
    assert agent.get(path).status_code == 401
    assert client_for(ana).get(path).status_code == 404


def test_creating_a_tenant(fresh_database, operator_client):
    answer = operator_client.post_json(TENANTS, {"name": "Initech", "slug": "initech", "owner_email": "bill@initech.example"})

    assert answer.status_code == 201
    assert (answer.json()["state"], answer.json()["host"]) == ("active", "initech.localhost")
    assert operator_client.get(f"{TENANTS}/{answer.json()['id']}").json() == answer.json()


def test_a_refusal_names_the_field(operator_client):
    answer = operator_client.post_json(TENANTS, {"name": "X", "slug": "acme", "owner_email": "x@y.example"})

    assert answer.status_code == 422
    assert [(error["pointer"], error["code"]) for error in answer.json()["errors"]] == [("/slug", "taken")]


def test_suspending_closes_the_tenant_and_resuming_opens_it(operator_client, client_for, ana, acme):
    path = f"{TENANTS}/{acme.id}/suspension"
    agent = client_for(ana)

    assert operator_client.put_json(path).json()["state"] == "suspended"
    closed = agent.get("/api/v1/tickets")
    assert (closed.status_code, closed.json()["type"]) == (503, "/problems/unavailable")
    assert operator_client.put_json(path).json()["type"] == "/problems/tenant-state-conflict"
    assert operator_client.delete(path).json()["state"] == "active"
    assert agent.get("/api/v1/tickets").status_code == 200


def test_an_unknown_host_is_not_there(client_for, acme):
    client = client_for(None)
    client.defaults["HTTP_HOST"] = "nobody.localhost"

    answer = client.get("/api/v1/tickets")

    assert (answer.status_code, answer["Content-Type"]) == (404, "application/problem+json")


def test_a_tenant_in_provisioning_does_not_answer(in_public, acme):
    Tenant.objects.filter(public_id=acme.id).update(state="provisioning")
    tenancy.forget_directory()

    assert tenancy.resolve_host(acme.host) is None


def test_operations_are_listed_newest_first_also_of_a_tenant_that_is_gone(operator_client, acme, in_public):
    gone = new_id()
    TenantOperation.objects.create(
        kind="delete", tenant_public_id=gone, slug="old", state="done", data={"certificate": {"sha256": "f" * 64}}
    )
    TenantOperation.objects.create(kind="export", tenant_public_id=acme.id, slug="acme", state="done", data={"file": "/secret/place"})
    TenantOperation.objects.create(kind="move", tenant_public_id=acme.id, slug="acme", step="load")

    here = operator_client.get(f"{TENANTS}/{acme.id}/operations").json()["results"]
    there = operator_client.get(f"{TENANTS}/{gone}/operations").json()["results"]

    assert [(row["kind"], row["state"], row["step"]) for row in here] == [("move", "running", "load"), ("export", "done", "")]
    assert "/secret/place" not in str(here)
    assert [(row["kind"], row["certificate"]) for row in there] == [("delete", {"sha256": "f" * 64})]
    assert operator_client.get(f"{TENANTS}/{new_id()}/operations").status_code == 404


def test_an_agent_reads_no_operations(client_for, ana, acme):
    agent = client_for(ana)
    agent.defaults["HTTP_HOST"] = "localhost"

    assert agent.get(f"{TENANTS}/{acme.id}/operations").status_code == 401
