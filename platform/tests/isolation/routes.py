"""Everything that can be asked for: the operations of the OpenAPI document and the table of all other addresses."""

import dataclasses
import functools
import io
import re
from collections.abc import Iterator
from typing import Any

import yaml
from django.core.management import call_command
from django.urls import URLPattern, URLResolver
from kernel.api.postman import example_body

TENANT, BASE = "tenant", "base"
FOREIGN_IDS = {"client_id"}  # ids that others have given: any is as good as another here
METHODS = ("get", "post", "put", "patch", "delete")


@dataclasses.dataclass(frozen=True)
class Operation:
    """One method of one address on one kind of host. `{names}` in the path and `id_fields` of the body are filled with ids."""

    host: str
    method: str
    path: str
    body: dict[str, Any] | None = None
    id_fields: tuple[str, ...] = ()
    query: tuple[str, ...] = ()
    is_page: bool = False
    is_open: bool = False  # answers whoever knows the address: a signed link or a token

    @property
    def name(self) -> str:
        """How findings call it."""
        return f"{self.method.upper()} {self.host}:{self.path}"

    @property
    def path_ids(self) -> tuple[str, ...]:
        """The names of the ids in the path."""
        return tuple(re.findall(r"{(\w+)}", self.path))


def page(method: str, path: str, body: dict[str, Any] | None = None, *, host: str = TENANT, **more: Any) -> Operation:
    """A row of the table below."""
    return Operation(host, method, path, body, is_page=True, **more)


# Every address that the OpenAPI document does not describe, with how to call it. A route missing here and there fails the test.
PAGES = [
    *(page("get", path, host=host) for host in (TENANT, BASE) for path in ("/readyz", "/api/docs/", "/", "/sign-in/")),
    page("get", "/api/v1/schema/"),
    page("get", "/api/platform/v1/schema/", host=BASE),
    *(page("post", "/sign-in/", {"email": "{agent_email}", "password": "wrong-password"}, host=host) for host in (TENANT, BASE)),
    *(page("post", "/sign-out/", {}, host=host) for host in (TENANT, BASE)),
    page("get", "/invitations/{token}/", is_open=True),
    page("post", "/invitations/{token}/", {"name": "New Person", "password": "a-long-enough-phrase"}, is_open=True),
    page("get", "/password-reset/", is_open=True),
    page("post", "/password-reset/", {"email": "{agent_email}"}, is_open=True),
    page("get", "/password-reset/{reset_token}/", is_open=True),
    page("post", "/password-reset/{reset_token}/", {"password": "a-long-enough-phrase"}, is_open=True),
    page("get", "/email-change/{email_token}/", is_open=True),
    page("post", "/email-change/{email_token}/", {}, is_open=True),
    page("get", "/email-undo/{undo_token}/", is_open=True),
    page("post", "/email-undo/{undo_token}/", {}, is_open=True),
    page("get", "/sso/{connection_id}/start", is_open=True),
    page("get", "/sso/callback", is_open=True),
    page("get", "/me/security/"),
    page("post", "/me/security/password/", {"current_password": "wrong-password", "password": "a-long-enough-phrase"}),
    page("post", "/me/security/email/", {"current_password": "canary-password", "email": "new@people.example"}),
    page("get", "/sign-in/code/"),
    page("post", "/sign-in/code/", {"code": "000000"}),
    page("post", "/me/security/second-step/begin/", {}),
    page("post", "/me/security/second-step/", {"enrolment": "x", "code": "000000", "current_password": "canary-password"}),
    page("post", "/me/security/second-step/disable/", {"code": "000000", "current_password": "canary-password"}),
    page("post", "/me/security/second-step/codes/", {"current_password": "canary-password"}),
    page("get", "/step-up/"),
    page("post", "/step-up/", {"proof_password": "canary-password"}),
    page("get", "/me/security/passkeys/new/"),
    page("post", "/me/security/passkeys/new/", {"name": "Laptop", "credential": "{}"}),
    page("post", "/me/security/passkeys/{passkey_id}/remove/", {}),
    page("post", "/me/security/sessions/end/", {}),
    page("post", "/me/security/sessions/{session_id}/end/", {}),
    page("get", "/files/{attachment_id}/{expires}/{mac}/", is_open=True),
    page("get", "/me/"),
    page("post", "/me/", {"name": "New Name", "language": "en", "theme": "dark", "time_zone": "UTC"}),
    page("post", "/me/theme/", {"theme": "dark"}),
    page("get", "/inbox/"),
    page("get", "/inbox/counts/"),
    page("get", "/inbox/since/{seq}/"),
    page("get", "/inbox/v/{view}/", query=("cursor",)),
    page("get", "/inbox/files/{attachment_id}/"),
    page("get", "/inbox/{ticket_id}/"),
    page("get", "/inbox/{ticket_id}/since/{seq}/"),
    page("post", "/inbox/{ticket_id}/fields/", {"priority": "high", "add_tags": "vip"}, id_fields=("assignee_id", "team_id")),
    page("post", "/inbox/{ticket_id}/resolve/", {}),
    page("post", "/inbox/{ticket_id}/reopen/", {}),
    page("post", "/inbox/{ticket_id}/read/", {}),
    page("post", "/inbox/{ticket_id}/messages/", {"kind": "reply", "body_text": "On its way"}),
    page("post", "/inbox/{ticket_id}/messages/{message_id}/retry/", {}),
    page("get", "/settings/intake/", query=("cursor",)),
    page("post", "/settings/intake/{event_id}/run/", {}),
    page("get", "/settings/isolation/"),
    page("get", "/settings/members/", query=("search", "cursor")),
    page("post", "/settings/members/", {"email": "invited@people.example", "role": "agent"}),
    page("post", "/settings/members/invitations/{invitation_id}/renew/", {}),
    page("post", "/settings/members/invitations/{invitation_id}/end/", {}),
    page("get", "/settings/members/{member_id}/"),
    page("post", "/settings/members/{member_id}/roles/", {"role": "viewer"}),
    page("post", "/settings/members/{member_id}/roles/{assignment_id}/take/", {}),
    page("post", "/settings/members/{member_id}/end/", {"reassign_to": ""}),
    page("get", "/settings/roles/"),
    page("get", "/settings/roles/new/"),
    page("post", "/settings/roles/new/", {"name": "Reader", "permissions": "tickets.ticket.read", "visibility": "team"}),
    page("get", "/settings/roles/{key}/"),
    page("post", "/settings/roles/{key}/", {"name": "Reader", "visibility": "own", "confirmed": "1"}),
    page("post", "/settings/roles/{key}/delete/", {}),
    page("get", "/settings/teams/"),
    page("post", "/settings/teams/", {"name": "New team"}),
    page("post", "/settings/teams/{team_id}/", {"act": "rename", "name": "Renamed"}),
    page("get", "/settings/keys/"),
    page("get", "/settings/audit/", query=("cursor", "object_id", "actor")),
    page("post", "/settings/audit/", {"keep_days": "400", "confirmed": "1"}),
    page("post", "/settings/keys/", {"name": "New key", "lifetime": "", "access": "all"}, id_fields=("service_account_id",)),
    page("post", "/settings/keys/{key_id}/revoke/", {}),
    page("post", "/settings/keys/{key_id}/rotate/", {"overlap": "24"}),
    page("post", "/settings/keys/accounts/", {"name": "Sync", "role": "agent"}),
    page("post", "/settings/keys/accounts/{account_id}/end/", {}),
    page("get", "/settings/sso/"),
    page("post", "/settings/sso/", {"name": "Company", "issuer": "https://login.example.com", "client_id": "atende"}),
    page("get", "/settings/sso/{connection_id}/"),
    page("post", "/settings/sso/{connection_id}/", {"name": "Company", "issuer": "https://login.example.com", "client_id": "atende"}),
    page("post", "/settings/sso/{connection_id}/state/", {"state": "enabled"}),
    page("post", "/settings/sso/{connection_id}/test/", {}),
    page("post", "/settings/sso/{connection_id}/delete/", {}),
    page("post", "/settings/sso/{connection_id}/domains/", {"domain": "bikes.example"}),
    page("post", "/settings/sso/{connection_id}/domains/{domain_id}/", {"act": "remove"}),
    page("get", "/sign-in/code/", host=BASE),
    page("post", "/sign-in/code/", {"code": "000000"}, host=BASE),
    page("get", "/step-up/", host=BASE),
    page("post", "/step-up/", {"proof_password": "atende-demo"}, host=BASE),
    page("get", "/operator/security/", host=BASE),
    page("post", "/operator/security/password/", {"current_password": "wrong", "password": "a-long-enough-phrase"}, host=BASE),
    page("post", "/operator/security/second-step/begin/", {}, host=BASE),
    page("post", "/operator/security/second-step/", {"enrolment": "x", "code": "000000", "current_password": "atende-demo"}, host=BASE),
    page("post", "/operator/security/second-step/disable/", {"code": "000000", "current_password": "atende-demo"}, host=BASE),
    page("post", "/operator/security/second-step/codes/", {"current_password": "atende-demo"}, host=BASE),
    page("post", "/operator/security/sessions/end/", {}, host=BASE),
    page("post", "/operator/security/sessions/{session_id}/end/", {}, host=BASE),
    page("post", "/operator/theme/", {"theme": "dark"}, host=BASE),
    page("post", "/operator/language/", {"language": "en"}, host=BASE),
    page("get", "/operator/audit/", host=BASE, query=("cursor", "object_id", "actor")),
    page("get", "/operator/audit/export/", host=BASE, query=("format",)),
    page("get", "/operator/migrations/", host=BASE),
    page("post", "/operator/migrations/", {}, host=BASE),
    page("post", "/operator/migrations/{tenant_id}/retry/", {}, host=BASE),
    page("get", "/operator/tenants/", host=BASE, query=("q",)),
    page("get", "/operator/tenants/new/", host=BASE),
    page("post", "/operator/tenants/new/", {"name": "", "slug": "", "owner_email": ""}, host=BASE),
    page("get", "/operator/tenants/{tenant_id}/", host=BASE),
    page("post", "/operator/tenants/{tenant_id}/suspend/", {}, host=BASE),
    page("post", "/operator/tenants/{tenant_id}/resume/", {}, host=BASE),
    # Mail that the demonstration caught: public by design there, absent elsewhere; the crawl proves that it holds none of ours.
    page("get", "/dev/mail/", host=BASE, is_open=True),
    page("get", "/dev/mail/{mail_id}/", host=BASE, is_open=True),
    page("get", "/dev/mail/{mail_id}/html/", host=BASE, is_open=True),
    page("get", "/dev/mail/messages", host=BASE, is_open=True),
    page("get", "/dev/mail/messages/{mail_id}.eml", host=BASE, is_open=True),
]


@functools.cache
def documented() -> list[Operation]:
    """The operations of the document as the code describes it now."""
    out = io.StringIO()
    call_command("spectacular", urlconf="config.urls.every_api", stdout=out, format="openapi")
    document = yaml.safe_load(out.getvalue())
    return list(_operations(document))


def _operations(document: dict[str, Any]) -> Iterator[Operation]:
    for path, item in document["paths"].items():
        hosts = [BASE] if path.startswith("/api/platform/") else [TENANT, BASE] if path.startswith("/hooks/") else [TENANT]
        for method in METHODS:
            if (operation := item.get(method)) is None:
                continue
            query = tuple(parameter["name"] for parameter in operation.get("parameters", []) if parameter["in"] == "query")
            fields = tuple(_id_fields(document, operation))
            is_open = not operation.get("security") and not path.startswith("/hooks/")  # a link's token, or nothing at all
            for host in hosts:
                yield Operation(host, method, path, example_body(document, operation), fields, query, is_open=is_open)


def _id_fields(document: dict[str, Any], operation: dict[str, Any]) -> Iterator[str]:
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    if "$ref" in schema:
        schema = document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]]
    for name, shape in schema.get("properties", {}).items():
        if name in FOREIGN_IDS:
            continue
        if shape.get("format") == "uuid" or (name.endswith("_id") and shape.get("type") == "string"):
            yield name


def uncovered(urlconfs: dict[str, list[URLPattern | URLResolver]], operations: list[Operation]) -> list[str]:
    """Routes and methods that no operation calls: `urlconfs` maps a kind of host to its patterns."""
    called = {(operation.host, operation.method, _shape(operation.path)) for operation in operations}
    missing = []
    for host, patterns in urlconfs.items():
        for route, pattern in _leaves(patterns, "/"):
            wanted = [(host, method, _shape(route)) for method in _methods_of(pattern)]
            missing += [f"{method.upper()} {kind}:{route}" for kind, method, shape in wanted if (kind, method, shape) not in called]
    return missing


def _leaves(patterns: list[URLPattern | URLResolver], prefix: str) -> Iterator[tuple[str, URLPattern]]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _leaves(pattern.url_patterns, route)
        else:
            yield route, pattern


def _methods_of(pattern: URLPattern) -> list[str]:
    """The methods a view answers; a plain function is asked with GET."""
    view = getattr(pattern.callback, "cls", None) or getattr(pattern.callback, "view_class", None)
    return [method for method in METHODS if hasattr(view, method)] if view else ["get"]


def _shape(route: str) -> str:
    return re.sub(r"{\w+}|<[^>]+>", "{}", route)
