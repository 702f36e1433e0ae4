"""Makes a Postman collection (v2.1) of an OpenAPI document: the same document always gives the same bytes."""

import json
import re
import uuid
from typing import Any

Json = dict[str, Any]  # Any: JSON
_NAMESPACE = uuid.UUID("6f1f6a52-8f1e-5e0c-9c64-0b7a5d2f6c11")
_SCHEMA = "https://schema.getpostman.com/json/collection/v2.1.0/collection.json"
_PATH_PARAMETER = re.compile(r"\{(\w+)\}")
_METHODS = ("get", "post", "put", "patch", "delete")


def collection(document: Json) -> Json:
    """The collection: a folder for each tag, a request for each operation, a test that it succeeds.

    `api_key` belongs to an admin. Values written `{{$random...}}` are Postman's own, new in each run.

    Variables: `tenant_url`, `platform_url`, `api_key`, `operator_key`, and one for each path parameter, which the lists fill in.
    """
    folders: dict[str, list[Json]] = {}
    for path in sorted(document["paths"], key=_lists_first):
        for method in _METHODS:
            operation = document["paths"][path].get(method)
            if operation is not None and not path.startswith("/hooks/"):
                folders.setdefault(operation["tags"][0], []).append(_request(document, path, method, operation))
    parameters = sorted({name for path in document["paths"] for name in _PATH_PARAMETER.findall(path)})
    return {
        "info": {
            "_postman_id": str(uuid.uuid5(_NAMESPACE, document["info"]["title"])),
            "name": document["info"]["title"],
            "description": document["info"]["description"],
            "schema": _SCHEMA,
        },
        "auth": _bearer("api_key"),
        "item": [
            {"name": tag, "item": _in_order(items)} for tag, items in sorted(folders.items(), key=lambda pair: _TAG_ORDER.get(pair[0], 50))
        ],
        "variable": [
            {"key": "tenant_url", "value": "http://acme.localhost:8000"},
            {"key": "platform_url", "value": "http://localhost:8000"},
            {"key": "api_key", "value": ""},
            {"key": "operator_key", "value": ""},
            *({"key": name, "value": ""} for name in parameters),
        ],
    }


# Contacts and tickets first: their lists fill the variables that the others use.
_TAG_ORDER = {"contacts": 1, "organization": 2, "connectors": 3, "tickets": 4, "conversations": 5}
# What only a password, a mailbox, a browser, a failed reply, a parked or forgotten mail, or a hook's inbox could answer otherwise:
# the demonstration need not have one.
_ALSO_FINE = {
    "changePassword": [422],
    "confirmEmailChange": [409],
    "disableSecondStep": [409, 422],
    "enableSecondStep": [422],
    "endSession": [404],
    "requestEmailChange": [422],
    "renewRecoveryCodes": [409, 422],
    "resetMemberSecondStep": [404, 409],
    "resetPassword": [409],
    "retryMessage": [409],
    "undoEmailChange": [409],
    "createHookSecret": [409],
    "runInboundEvent": [404, 409],
    "readInboundEvent": [404],
    "readInboundRaw": [404, 410],
}
_FRESH = {"createTenant": {"slug": "canela-{{$randomInt}}{{$randomInt}}"}}  # taken after the first run
_VERB_ORDER = {"GET": 0, "POST": 1, "PATCH": 2, "PUT": 3, "DELETE": 4}


def _in_order(items: list[Json]) -> list[Json]:
    """Short paths first, and what ends something last."""

    def place(item: Json) -> tuple[bool, int, int, str]:
        method = item["request"]["method"]
        return method == "DELETE", len(item["request"]["url"]["path"]), _VERB_ORDER[method], item["name"]

    return sorted(items, key=place)


def _lists_first(path: str) -> tuple[int, str]:
    return (path.count("/"), path)


def _request(document: Json, path: str, method: str, operation: Json) -> Json:
    is_platform = path.startswith("/api/platform/")
    url_path = _PATH_PARAMETER.sub(r"{{\1}}", path)
    base = "{{platform_url}}" if is_platform else "{{tenant_url}}"
    request: Json = {
        "method": method.upper(),
        "header": [{"key": "Accept", "value": "application/json"}],
        "url": {"raw": base + url_path, "host": [base], "path": url_path.strip("/").split("/"), "query": _query(operation)},
        "description": operation.get("description") or operation.get("summary", ""),
    }
    if is_platform:
        request["auth"] = _bearer("operator_key")
    body = example_body(document, operation)
    if body is not None:
        request["header"].append({"key": "Content-Type", "value": "application/json"})
        request["body"] = {"mode": "raw", "raw": json.dumps(body, indent=2, sort_keys=True), "options": {"raw": {"language": "json"}}}
    statuses = sorted(int(code) for code in operation["responses"] if code.startswith("2")) + _ALSO_FINE.get(operation["operationId"], [])
    return {"name": operation.get("summary") or operation["operationId"], "event": [_test(path, method, statuses)], "request": request}


def _query(operation: Json) -> list[Json]:
    parameters = [parameter for parameter in operation.get("parameters", []) if parameter["in"] == "query"]
    return [
        {"key": parameter["name"], "value": "", "description": parameter.get("description", ""), "disabled": True}
        for parameter in sorted(parameters, key=lambda parameter: str(parameter["name"]))
    ]


def _test(path: str, method: str, statuses: list[int]) -> Json:
    lines = [
        f"pm.test('the answer is the wanted one', () => pm.expect(pm.response.code).to.be.oneOf({json.dumps(statuses)}));",
    ]
    singular = _singular(path)
    if method in {"get", "post"} and singular and not path.endswith("}"):
        lines += [
            "const body = pm.response.code < 300 ? pm.response.json() : {};",
            "const first = (body.results && body.results[0]) || body;",
            f"if (first.id) pm.collectionVariables.set('{singular}_id', first.id);",
        ]
        if singular == "ticket":
            lines.append("if (first.conversations) pm.collectionVariables.set('conversation_id', first.conversations.slice(-1)[0]);")
    return {"listen": "test", "script": {"type": "text/javascript", "exec": lines}}


def _singular(path: str) -> str:
    last = path.rstrip("/").rsplit("/", 1)[-1]
    names = {"tickets": "ticket", "contacts": "contact", "messages": "message", "inboxes": "inbox", "tenants": "tenant", "api-keys": "key"}
    names["service-accounts"] = "account"
    return names.get(last, "event" if path.endswith("/intake/events") else "")


def example_body(document: Json, operation: Json) -> Any:  # Any: JSON
    """A body the operation takes: its first example, otherwise a value that fits the schema; None where it takes none."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if content is None:
        return None
    examples = list(content.get("examples", {}).values())
    body = examples[0]["value"] if examples else _sample(document, content["schema"], required_only=True)
    return {**body, **_FRESH[operation["operationId"]]} if operation["operationId"] in _FRESH else body


def _sample(document: Json, schema: Json, *, required_only: bool) -> Any:  # Any: JSON
    """A fixed value that fits the schema: its example, its first choice, or a plain constant of its type."""
    if "$ref" in schema:
        return _sample(document, document["components"]["schemas"][schema["$ref"].rsplit("/", 1)[-1]], required_only=required_only)
    if "example" in schema:
        return schema["example"]
    for key in ("oneOf", "anyOf", "allOf"):
        if key in schema:
            return _sample(document, schema[key][0], required_only=required_only)
    if "enum" in schema:
        return schema["enum"][0]
    kind = schema.get("type")
    kind = kind[0] if isinstance(kind, list) else kind
    if kind == "object":
        names = schema.get("required", []) if required_only else schema.get("properties", {})
        return {name: _sample(document, schema["properties"][name], required_only=required_only) for name in names}
    if kind == "array":
        return []
    constants: Json = {"integer": 1, "number": 1, "boolean": True}
    formats = {"uuid": "00000000-0000-7000-8000-000000000000", "email": "someone@mail.example", "date-time": "2026-01-01T00:00:00Z"}
    return constants.get(kind or "", formats.get(schema.get("format", ""), "Example"))


def _bearer(variable: str) -> Json:
    return {"type": "bearer", "bearer": [{"key": "token", "value": "{{" + variable + "}}", "type": "string"}]}
