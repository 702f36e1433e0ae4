"""The canary crawl: asks everything as everybody with one's own, another tenant's and random ids, and reports what must not be.

Each call runs inside a savepoint that is rolled back, so a foreign and a random id meet the same state, and what a call
wrote into another tenant is seen before it is gone.
"""

import base64
import contextlib
import contextvars
import dataclasses
import json
import logging
import re
from collections.abc import Iterator
from typing import Any

from django.conf import settings
from django.db import connections, transaction
from django.test import Client
from kernel import redis as redis_client
from kernel import tenancy
from kernel.db.routing import clusters, connection_in_scope
from kernel.tenancy import TenantRef
from tenant_apps.intake.tests.factories import signed

from tests.isolation.canaries import SHARED, Canary, hook_secret, random_ids
from tests.isolation.routes import BASE, TENANT, Operation

# What a query parameter is asked for with: the name of an id, or a fixed value.
QUERY = {
    "assignee": "agent_id",
    "team": "team_id",
    "requester": "contact_id",
    "user": "member_id",
    "permission": "=tickets.ticket.read",
    "object_type": "=ticket",
    "object": "ticket_id",
    "search": "word",
    "q": "word",
    "tag": "tag",
    "cursor": "cursor",
    "connector": "=email",
    "state": "=",
    "status": "=open",
    "sort": "=-created_at",
    "limit": "=5",
    "since": "=0",
    "actor": "agent_id",
    "action": "=ticket.update",
    "object_id": "ticket_id",
    "outcome": "=done",
    "from": "=2020-01-01T00:00:00Z",
    "to": "=2100-01-01T00:00:00Z",
    "format": "=jsonl",
    "keep_days": "=400",
    "created_after": "=2020-01-01T00:00:00Z",
    "created_before": "=2100-01-01T00:00:00Z",
}
EXCLUDES = {"requester_id": "requester_email"}  # of two fields only one may be sent
REFUSED = {401, 403, 404, 405}
LIMITED = "limited"  # the speaker whose role ends at one team
_CHANGING = {"date", "x-request-id", "content-length"}
# the request's id, form tokens, and how many minutes ago something was, which may pass from one call to the next
_NOISE = re.compile(rb'urn:request:[\w.-]+|name="csrfmiddlewaretoken" value="\w+"|X-CSRFToken[^}]+|data-format=\\?"ago\\?">[^<]*')


@dataclasses.dataclass(frozen=True)
class Speaker:
    """Somebody on one host. `home` is the tenant whose content they may see, if any; an operator may see the registry."""

    name: str
    host: str
    http_host: str
    home: Canary | None = None
    key: str = ""
    session: str = ""
    is_operator: bool = False


@dataclasses.dataclass(frozen=True)
class Ask:
    """One call. Two asks of the same slot that differ only between foreign and random must be answered the same."""

    operation: Operation
    slot: str
    kind: str
    url: str
    body: bytes
    content_type: str
    headers: dict[str, str]
    echoed: tuple[str, ...]


@dataclasses.dataclass
class Report:
    """What a crawl found and how much it did."""

    findings: list[str] = dataclasses.field(default_factory=list)
    is_full: bool = True
    calls: int = 0
    scans: int = 0
    sightings: int = 0
    operations: set[str] = dataclasses.field(default_factory=set)
    reached: set[str] = dataclasses.field(default_factory=set)
    refused_to_agents: set[str] = dataclasses.field(default_factory=set)
    pairs: int = 0


class Logged(logging.Handler):
    """Keeps what was logged since it was last asked."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def emit(self, record: logging.LogRecord) -> None:
        self.text += f"{record.msg} {record.args} {record.exc_text or ''}"


class Sender:
    """Sends asks on one connection, each in a savepoint that is rolled back; so the digests before it are always the same."""

    def __init__(self, everyone: list[Canary]) -> None:
        self.client = Client(raise_request_exception=False)
        self.everyone = everyone
        self.before = {canary.tenant.slug: digest(canary.tenant) for canary in everyone}
        self.has_written = False

    def watch(self, execute: Any, statement: Any, params: Any, many: bool, context: Any) -> Any:
        """Django's execute wrapper: only a call that writes at all can have changed a digest."""
        self.has_written |= not str(statement).lstrip().upper().startswith(("SELECT", "SAVEPOINT", "RELEASE", "ROLLBACK", "SET"))
        return execute(statement, params, many, context)

    def changed(self, speaker: Speaker) -> set[str]:
        """The tenants that are not the speaker's and whose rows are not what they were."""
        others = [canary for canary in self.everyone if canary is not speaker.home] if self.has_written else []
        return {canary.tenant.slug for canary in others if digest(canary.tenant) != self.before[canary.tenant.slug]}


@contextlib.contextmanager
def undone(*, depth: int = 0) -> Iterator[None]:
    """A transaction, or a savepoint of it, on every cluster; taken back at the end. With a depth, so many blocks may switch scopes."""
    floors = {alias: connections[alias].switch_floor for alias in clusters()}
    with contextlib.ExitStack() as stack:
        for alias in clusters():
            stack.enter_context(_undone_on(alias))
            connections[alias].switch_floor = depth or floors[alias]
        try:
            yield
        finally:
            for alias in clusters():
                connections[alias].switch_floor = floors[alias]


@contextlib.contextmanager
def _undone_on(alias: str) -> Iterator[None]:
    """The block of one cluster, begun and ended in a scope that lives there."""
    block = transaction.atomic(using=alias)
    with tenancy.schema_scope("public", cluster=alias):
        block.__enter__()
    try:
        yield
    finally:
        with tenancy.schema_scope("public", cluster=alias):
            transaction.set_rollback(True, using=alias)
            block.__exit__(None, None, None)


def speakers(here: Canary, other: Canary, operator: Canary | None, *, with_sessions: bool = True) -> Iterator[Speaker]:
    """The roles on a tenant's host, and on the base host an operator, nobody and a tenant's admin."""
    host = here.tenant.host
    yield Speaker("anonymous", TENANT, host)
    for role, key in here.keys.items():
        yield Speaker(role, TENANT, host, here, key, here.sessions[role] if with_sessions else "")
    yield Speaker("stranger", TENANT, host, None, other.keys["admin"], other.sessions["admin"])
    if operator is not None:
        base = settings.ATENDE_BASE_HOST
        yield Speaker("anonymous", BASE, base)
        yield Speaker("tenant admin", BASE, base, None, here.keys["admin"], here.sessions["admin"])
        yield Speaker("operator", BASE, base, None, operator.keys["operator"], operator.sessions["operator"], is_operator=True)
        yield Speaker("operator abroad", TENANT, host, None, operator.keys["operator"], operator.sessions["operator"])


def crawl(
    operations: list[Operation], here: Canary, other: Canary, everyone: list[Canary], operator: Canary | None, *, is_full: bool = True
) -> Report:
    """Asks every operation as every speaker. Call it on a committed database, outside of any scope and transaction.

    The short form asks with every kind of id in every place as an agent, and as an admin where an agent is refused; everybody
    else asks everything too, but varies the ids of the path alone.
    """
    report, logged = Report(is_full=is_full), Logged()
    logging.root.addHandler(logged)
    try:
        with tenancy.public_scope(), undone(depth=2), contextlib.ExitStack() as watched:
            sender = Sender(everyone)
            for alias in clusters():
                watched.enter_context(connections[alias].execute_wrapper(sender.watch))
            for speaker in speakers(here, other, operator):
                for operation in operations:
                    if operation.host == speaker.host:
                        _ask_all(report, operation, speaker, here, other, sender, logged)
    finally:
        logging.root.removeHandler(logged)
    return report


def _ask_all(report: Report, operation: Operation, speaker: Speaker, here: Canary, other: Canary, sender: Sender, logged: Logged) -> None:
    report.operations.add(operation.name)
    answers: dict[tuple[str, str], Any] = {}
    for ask in _asks(operation, here, other):
        if not _is_wanted(report, ask, speaker):
            continue
        status, headers, body, changed = _send(ask, speaker, sender)
        report.calls += 1
        where = f"{operation.name} as {speaker.name}, {ask.kind} id in {ask.slot}"
        report.findings += _judge(report, ask, speaker, here, sender.everyone, where, (status, headers, body), logged)
        if ask.kind == "own" and (operation.is_open or operation.path.startswith("/hooks/")):  # whoever holds the secret may write
            changed.discard(here.tenant.slug)
        report.findings += [f"{where}: changed rows of {slug}" for slug in sorted(changed)]
        if ask.kind == "own" and status < 500 and status not in REFUSED and "/sign-in/?next=" not in headers.get("location", ""):
            report.reached.add(operation.name)
        if (speaker.name, ask.slot, ask.kind, status) == ("agent", "path", "own", 403):
            report.refused_to_agents.add(operation.name)
        answers[ask.slot, ask.kind] = (status, headers, body)
    if not (speaker.is_operator or (operation.host == BASE and operation.is_open)):
        _compare(report, f"{operation.name} as {speaker.name}", answers)


def _compare(report: Report, who: str, answers: dict[tuple[str, str], Any]) -> None:
    """A foreign and a random id in the same place; but a cursor is a position in a list: another one gives another page of one's own."""
    for slot in sorted({slot for slot, _ in answers} - {"query cursor"}):
        for kind in ("foreign", "sibling"):
            if {(slot, kind), (slot, "random")} <= answers.keys():
                report.pairs += 1
                if answers[slot, kind] != answers[slot, "random"]:
                    report.findings.append(f"{who}: a {kind} and a random id in {slot} are told apart")


def _is_wanted(report: Report, ask: Ask, speaker: Speaker) -> bool:
    if speaker.name == LIMITED or ask.kind == "sibling":
        return speaker.name == LIMITED and (report.is_full or ask.kind != "foreign")
    if report.is_full or speaker.name == "agent" or (speaker.name == "admin" and ask.operation.name in report.refused_to_agents):
        return True
    return ask.slot == "path" and not (speaker.name in {"admin", "owner"} and ask.kind == "random")


# --- asking ------------------------------------------------------------------------------------------------------------
def _asks(operation: Operation, here: Canary, other: Canary) -> Iterator[Ask]:
    own, foreign = _values(here), _values(other)
    kinds = {"own": own, "foreign": foreign, "random": {**random_ids(other), "word": "feedfacefeedface", "cursor": "bm90aGluZw"}}
    kinds["sibling"] = {**own, **here.siblings}
    fixed = {name: QUERY[name][1:] for name in operation.query if QUERY[name].startswith("=")}
    if operation.host == BASE and operation.path.startswith("/hooks/"):
        kinds.pop("foreign")  # every tenant's hook may be called there
    if fixed:
        yield _ask(operation, "query", "own", own, own, fixed)
    for kind, values in kinds.items():
        for ask in _asks_of_kind(operation, kind, values, own):
            if kind != "sibling" or _differs(operation, ask.slot, here.siblings):
                yield ask


def _asks_of_kind(operation: Operation, kind: str, values: dict[str, str], own: dict[str, str]) -> Iterator[Ask]:
    yield from _asks_in_path(operation, kind, values, own)
    for name in sorted(name for name in operation.query if not QUERY[name].startswith("=")):
        yield _ask(operation, f"query {name}", kind, own, own, {name: values[QUERY[name]]})
    for name in operation.id_fields:
        yield _ask(operation, f"body {name}", kind, own, {**own, "=field": name, "=value": values[_id_name(name)]}, {})


def _differs(operation: Operation, slot: str, siblings: dict[str, str]) -> bool:
    """Whether another id of the same tenant stands there: not every kind of thing has a sibling."""
    place, _, name = slot.partition(" ")
    if place == "path":
        return bool({name} & siblings.keys() if name else {*operation.path_ids} & siblings.keys())
    return (QUERY[name] if place == "query" else _id_name(name)) in siblings


def _asks_in_path(operation: Operation, kind: str, values: dict[str, str], own: dict[str, str]) -> Iterator[Ask]:
    """All ids of the path at once, and each alone among one's own."""
    names = operation.path_ids
    if kind == "own" or set(names) - SHARED:
        yield _ask(operation, "path", kind, {name: (own if name == "seq" else values)[name] for name in names}, own, {})
    if len(names) > 1 and kind != "own" and not operation.is_open:
        for name in names:
            yield _ask(operation, f"path {name}", kind, {**own, name: values[name]}, own, {})


def _id_name(field: str) -> str:
    names = {"assignee_id": "agent_id", "requester_id": "contact_id", "service_account_id": "account_id"}
    return names.get(field, field)


def _values(canary: Canary) -> dict[str, str]:
    cursor = base64.urlsafe_b64encode(json.dumps(["2100-01-01T00:00:00+00:00", 10**9]).encode()).decode().rstrip("=")
    return {**canary.ids, "word": canary.word, "cursor": cursor}


def _ask(operation: Operation, slot: str, kind: str, path: dict[str, str], values: dict[str, str], query: dict[str, str]) -> Ask:
    url = re.sub(r"{(\w+)}", lambda found: path[found[1]], operation.path)
    url += "".join(f"{'&' if number else '?'}{name}={value.replace(' ', '+')}" for number, (name, value) in enumerate(query.items()))
    body = dict(operation.body) if operation.body is not None else None
    if body is not None:
        body = {name: values["agent_email"] if value == "{agent_email}" else value for name, value in body.items()}
        if "=field" in values:
            body.pop(EXCLUDES.get(values["=field"], ""), None)
            body[values["=field"]] = values["=value"]
    raw, content_type, headers = _encoded(operation, body, path.get("route_key", ""))
    typed = [text for text in (body or {}).values() if text == values["agent_email"]]
    echoed = {*(path[name] for name in operation.path_ids), *query.values(), values.get("=value", ""), *typed}
    return Ask(operation, slot, kind, url, raw, content_type, headers, tuple(sorted(text for text in echoed if len(text) > 8)))


def _encoded(operation: Operation, body: dict[str, Any] | None, route_key: str) -> tuple[bytes, str, dict[str, str]]:
    if route_key:
        raw, headers = signed(body, secret=hook_secret(route_key), hook_id="canary")
        return raw, "application/json", headers
    if operation.is_page and body is not None:
        from urllib.parse import urlencode

        return urlencode(body).encode(), "application/x-www-form-urlencoded", {}
    return (json.dumps(body).encode() if body is not None else b""), "application/json", {}


def _send(ask: Ask, speaker: Speaker, sender: Sender) -> tuple[int, dict[str, str], bytes, set[str]]:
    redis_client.client().flushdb()
    client, headers = sender.client, {"HTTP_HOST": speaker.http_host, **ask.headers}
    client.cookies.clear()
    headers["HTTP_ACCEPT"] = "text/html" if ask.operation.is_page else "application/json"
    if speaker.key and not ask.operation.is_page:
        headers["HTTP_AUTHORIZATION"] = f"Bearer {speaker.key}"
    if speaker.session and ask.operation.is_page:
        client.cookies[settings.SESSION_COOKIE_NAME] = speaker.session
    sender.has_written = False
    with undone():
        # In a context of its own, as a server gives each request: nothing is entered when it begins.
        answer = contextvars.Context().run(
            client.generic, ask.operation.method.upper(), ask.url, ask.body, content_type=ask.content_type, **headers
        )
        body = b"".join(answer.streaming_content) if answer.streaming else answer.content
        changed = sender.changed(speaker)
    return answer.status_code, *_normal(ask, answer, body), changed


def _normal(ask: Ask, answer: Any, body: bytes) -> tuple[dict[str, str], bytes]:
    """Headers and body without what changes from call to call, and without the ids that were asked for."""
    headers = {name.lower(): value for name, value in answer.items() if name.lower() not in _CHANGING}
    headers["cookies"] = " ".join(f"{name} {morsel['path']} {morsel['max-age']}" for name, morsel in sorted(answer.cookies.items()))
    body = _NOISE.sub(b"", body).replace(answer.get("X-Request-ID", "-").encode(), b"")
    for value in ask.echoed:
        body = body.replace(value.encode(), b"ID")
        headers = {name: text.replace(value, "ID") for name, text in headers.items()}
    return headers, body


# --- judging -----------------------------------------------------------------------------------------------------------
def _judge(
    report: Report, ask: Ask, speaker: Speaker, here: Canary, everyone: list[Canary], where: str, answer: tuple[Any, ...], logged: Logged
) -> Iterator[str]:
    status, headers, body = answer
    text = body.decode("utf-8", "replace") + json.dumps(headers)
    if status >= 500:
        yield f"{where}: {status} {text[:200]}"
    is_open = ask.operation.is_open and speaker.host == TENANT and ask.kind == "own"
    for canary in everyone:
        is_home = canary is speaker.home or (is_open and canary is here)
        if is_home and status not in REFUSED:
            report.sightings += canary.mark in text
        else:
            report.scans += 1
            if canary.mark in text:
                yield f"{where}: shows content of {canary.tenant.slug}"
        if not (speaker.is_operator or (canary is here and speaker.host == TENANT)) and canary.label in text:
            yield f"{where}: shows the registry's {canary.tenant.slug}"
        if canary.mark in logged.text:
            yield f"{where}: logs content of {canary.tenant.slug}"
    if speaker.name == LIMITED and here.hidden in text:
        yield f"{where}: shows a ticket of another team"
    yield from (f"{where}: {line}" for line in _foreign_keys(speaker, here, everyone))
    logged.text = ""


def _foreign_keys(speaker: Speaker, here: Canary, everyone: list[Canary]) -> Iterator[str]:
    """Keys in Redis that name another tenant than the host's, or content."""
    for key in redis_client.client().scan_iter():
        for canary in everyone:
            if canary.mark.encode() in key or (str(canary.tenant.id).encode() in key and not (canary is here and speaker.host == TENANT)):
                yield f"leaves the key {key.decode()} of {canary.tenant.slug}"


# --- digests -----------------------------------------------------------------------------------------------------------
_tables: dict[str, str] = {}


def digest(tenant: TenantRef) -> str:
    """One number over every row of a tenant's schema, taken under the tenant's own role."""
    with tenancy.tenant_scope(tenant), connection_in_scope().cursor() as cursor:
        if tenant.schema not in _tables:
            cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY 1", [tenant.schema])
            names = [connection_in_scope().ops.quote_name(row[0]) for row in cursor.fetchall()]
            one = "SELECT {} AS n, md5(string_agg(md5(x::text), '' ORDER BY md5(x::text))) AS h FROM {} x"
            rows = " UNION ALL ".join(one.format(number, name) for number, name in enumerate(names))  # the server may answer in any order
            _tables[tenant.schema] = f"SELECT md5(string_agg(coalesce(h, '-'), '' ORDER BY n)) FROM ({rows}) AS s"
        cursor.execute(_tables[tenant.schema])
        return str(cursor.fetchone()[0])
