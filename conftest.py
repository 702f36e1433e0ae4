"""Fixtures of all tests: cloned databases, the tenants acme and globex, their people, clients that speak as them."""

import io
import json as jsonlib
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.test import Client
from infra.testing import databases
from infra.testing.clusters import NAME as SECOND
from infra.testing.clusters import SecondServer, is_run_on_second
from infra.testing.plugin import DATABASE_NAME, FACTS, WORKER

PASSWORD = "atende-demo"


# --- databases ---------------------------------------------------------------------------------------------------------
@pytest.fixture(scope="session")
def django_db_setup(django_test_environment, django_db_blocker) -> Iterator[None]:
    """Gives this worker its own clone of the template with both tenants."""
    from django.db import connections

    databases.ensure_template(FACTS)
    databases.clone(FACTS, DATABASE_NAME)
    for connection in connections.all():
        check_constraints = connection.check_constraints
        connection.check_constraints = lambda table_names=None, check=check_constraints: _in_public(check, table_names)
    yield
    with django_db_blocker.unblock():
        for connection in connections.all():
            connection.close()
            connection.close_pool()


def _in_public(function: Callable[..., Any], *arguments: Any) -> Any:
    """For what Django does itself at the end of a test, where no scope is entered."""
    from kernel import tenancy

    with tenancy.public_scope():
        return function(*arguments)


@pytest.fixture(autouse=True)
def _clean_memory(request) -> Iterator[None]:
    """Nothing remembered of one test reaches the next: directory, routes, limits, cache."""
    yield
    if "django_db_setup" not in request.fixturenames:
        return
    from kernel import redis, tenancy
    from shared_apps.tenants import selectors
    from tenant_apps.access import reach

    redis.client().flushdb()
    tenancy.forget_directory()
    selectors.forget_routes()
    reach.forget()


@pytest.fixture
def database(request) -> None:
    """What the fixtures below stand on: the test's transaction, or the fresh database where the test asks for one."""
    request.getfixturevalue("fresh_database" if "fresh_database" in request.fixturenames else "db")


@pytest.fixture(autouse=True)
def _switch_floor(_django_db_marker, request) -> None:
    """A test is one transaction, and may enter several tenants inside it."""
    if "fresh_database" in request.fixturenames or not ("db" in request.fixturenames or "database" in request.fixturenames):
        return
    from django.db import connections

    request.getfixturevalue("db")
    for connection in connections.all(initialized_only=True):
        connection.switch_floor = len(connection.savepoint_ids) + 1


@pytest.fixture
def fresh_database(django_db_setup, django_db_blocker, monkeypatch) -> Iterator[str]:
    """A clone of its own for a test that commits (sockets, workers, threads); gone afterwards. Yields its name."""
    name = f"fresh_{WORKER}"
    databases.drop(FACTS, name)
    databases.clone(FACTS, name)
    with _database(name), django_db_blocker.unblock():
        for variable, value in FACTS.environment(name).items():
            if variable.startswith(("DATABASE", "ATENDE_CLUSTERS")):
                monkeypatch.setenv(variable, value)
        yield name
        _let_go()
    databases.drop(FACTS, name)
    _forget_everything()


@contextmanager
def _database(name: str) -> Iterator[None]:
    from django.conf import settings
    from django.db import connections

    _let_go()
    before = connections["default"].settings_dict["NAME"]
    stored = [
        *(connection.settings_dict for connection in connections.all()),
        *settings.DATABASES.values(),
        *settings.DATABASE_OWNERS.values(),
    ]
    for database in stored:
        database["NAME"] = name
    _forget_everything()
    try:
        yield
    finally:
        for database in stored:
            database["NAME"] = before


def _let_go() -> None:
    from django.db import connections

    for connection in connections.all():
        connection.close()
        connection.close_pool()
        connection.switch_floor = 0


@pytest.fixture(scope="session")
def _second_server() -> Iterator[SecondServer]:
    """One server for all tests of this worker that want two clusters."""
    server = SecondServer.choose(FACTS.passwords)
    process = server.start()
    yield server
    server.stop(process)


@pytest.fixture
def second_cluster(fresh_database, _second_server, monkeypatch) -> Iterator[str]:
    """A second cluster beside the default one, empty but prepared, in a database of the same name. Yields the cluster's name."""
    from config.settings import base
    from django.conf import settings
    from django.core.management import call_command
    from django.db import connections

    if is_run_on_second():
        pytest.skip("The tenants of this run live on the second cluster already")
    _second_server.create_database(fresh_database)
    urls = _second_server.urls(fresh_database)
    monkeypatch.setenv("ATENDE_CLUSTERS", jsonlib.dumps({SECOND: urls}))
    settings.DATABASE_OWNERS[SECOND] = base.database_settings(urls["owner_url"], is_owner=True)
    connections.databases[SECOND] = base.database_settings(urls["url"], is_owner=False)
    connections.configure_settings(connections.databases)
    call_command("prepare_database", verbosity=0, stdout=io.StringIO())
    yield SECOND
    connections[SECOND].close()
    connections[SECOND].close_pool()
    del connections[SECOND], connections.databases[SECOND], settings.DATABASE_OWNERS[SECOND]
    _second_server.drop_database(fresh_database)


def _forget_everything() -> None:
    from kernel import tenancy
    from shared_apps.tenants import selectors
    from tenant_apps.access import reach

    tenancy.forget_directory()
    selectors.forget_routes()
    reach.forget()


# --- tenants and people ------------------------------------------------------------------------------------------------
@pytest.fixture(scope="session")
def _tenants(django_db_setup, django_db_blocker) -> dict[str, Any]:
    from django.db import connections
    from kernel import tenancy

    with django_db_blocker.unblock(), tenancy.public_scope():
        found = {slug: tenancy.resolve_host(f"{slug}.localhost") for slug in ("acme", "globex")}
        connections.close_all()
    return found


@pytest.fixture
def acme(_tenants):
    """The tenant Acme Bikes: agents ana and bea, admin ada."""
    return _tenants["acme"]


@pytest.fixture
def globex(_tenants):
    """The other tenant: agent rui."""
    return _tenants["globex"]


@pytest.fixture
def in_acme(acme, database) -> Iterator[Any]:
    """Runs the test inside acme, as the system."""
    with _inside(acme):
        yield acme


@pytest.fixture
def in_globex(globex, database) -> Iterator[Any]:
    """Runs the test inside globex, as the system."""
    with _inside(globex):
        yield globex


@pytest.fixture
def in_public(database) -> Iterator[None]:
    """Runs the test in the public schema, as the system."""
    from kernel import tenancy
    from kernel.actors import SYSTEM, acting_as

    with tenancy.public_scope(), acting_as(SYSTEM):
        yield


@contextmanager
def _inside(tenant) -> Iterator[None]:
    from kernel import tenancy
    from kernel.actors import SYSTEM, acting_as

    with tenancy.tenant_scope(tenant), acting_as(SYSTEM):
        yield


def _user(tenant, email: str):
    from kernel import tenancy
    from shared_apps.accounts.models import User

    with tenancy.tenant_scope(tenant) if tenant else tenancy.public_scope():
        return User.objects.get(email=email)


@pytest.fixture
def ada(acme, database):
    """Admin of acme."""
    return _user(acme, "ada@acme.example")


@pytest.fixture
def ana(acme, database):
    """Agent of acme."""
    return _user(acme, "ana@acme.example")


@pytest.fixture
def bea(acme, database):
    """Another agent of acme."""
    return _user(acme, "bea@acme.example")


@pytest.fixture
def rui(globex, database):
    """Agent of globex."""
    return _user(globex, "rui@globex.example")


@pytest.fixture
def operator(database):
    """Runs the platform; a user of the public schema."""
    return _user(None, "operator@atende.example")


# --- clients -----------------------------------------------------------------------------------------------------------
class ApiClient(Client):
    """A client of one host that speaks JSON, with an API key or as nobody. Answers are ordinary test responses."""

    def __init__(self, host: str, key: str = "", **defaults: str) -> None:
        if key:
            defaults["HTTP_AUTHORIZATION"] = f"Bearer {key}"
        super().__init__(HTTP_HOST=host, HTTP_ACCEPT="application/json", **defaults)

    def send(self, method: str, path: str, body: Any = None, **headers: str):
        """A request with a JSON body; header names as in HTTP, `If_Match="..."` for instance."""
        data = jsonlib.dumps(body) if body is not None else ""
        extra = {f"HTTP_{name.upper()}": value for name, value in headers.items()}
        return self.generic(method, path, data, content_type="application/json", **extra)

    def post_json(self, path: str, body: Any = None, **headers: str):
        """POST with a JSON body."""
        return self.send("POST", path, body, **headers)

    def patch_json(self, path: str, body: Any = None, **headers: str):
        """PATCH with a JSON body."""
        return self.send("PATCH", path, body, **headers)

    def put_json(self, path: str, body: Any = None, **headers: str):
        """PUT with a JSON body."""
        return self.send("PUT", path, body, **headers)


@pytest.fixture
def client_for(acme, globex, database) -> Callable[..., ApiClient]:
    """`client_for(user)` has an API key of that user (of acme or globex); `client_for(None, acme)` is nobody on acme's host."""
    from shared_apps.accounts import services as accounts

    def make(user=None, tenant=None) -> ApiClient:
        tenant = tenant or (globex if user is not None and user.email.endswith("@globex.example") else acme)
        if user is None:
            return ApiClient(tenant.host)
        with _inside(tenant):
            _, key = accounts.create_api_key(user=user, name="test")
        return ApiClient(tenant.host, key)

    return make


@pytest.fixture
def api_client(client_for, ana) -> ApiClient:
    """Speaks to acme's API as the agent ana."""
    return client_for(ana)


@pytest.fixture
def browser_for(acme, globex, database) -> Callable[..., Client]:
    """`browser_for(user)` is signed in with a session cookie on the user's host; `browser_for(operator)` on the base host."""
    from django.conf import settings
    from django.contrib.auth import login
    from django.contrib.sessions.backends.db import SessionStore
    from django.http import HttpRequest
    from kernel import tenancy

    def make(user) -> Client:
        tenants = {"acme.example": acme, "globex.example": globex}
        tenant = tenants.get(user.email.split("@")[1])
        host = tenant.host if tenant else settings.ATENDE_BASE_HOST
        client = Client(HTTP_HOST=host)
        with tenancy.tenant_scope(tenant) if tenant else tenancy.public_scope():
            request = HttpRequest()
            request.session = SessionStore()
            login(request, user, backend="shared_apps.accounts.backends.EmailBackend")
            request.session["proven_at"] = time.time()
            request.session.save()
        client.cookies[settings.SESSION_COOKIE_NAME] = request.session.session_key
        return client

    return make
