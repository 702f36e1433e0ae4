"""The OpenAPI lint catches operations that say too little."""

import copy

import pytest

from infra.checks import openapi

GOOD = {
    "paths": {
        "/api/v1/tickets": {
            "get": {
                "operationId": "listTickets",
                "summary": "List tickets",
                "tags": ["tickets"],
                "responses": {"200": {}, "401": {"content": {"application/problem+json": {}}}},
            }
        }
    }
}


def test_a_complete_operation_passes():
    assert list(openapi.problems(GOOD)) == []


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("summary", "", "says nothing"),
        ("tags", [], "no tag"),
        ("responses", {"401": {"content": {"application/problem+json": {}}}}, "names no success"),
        ("responses", {"200": {}}, "names no problem"),
        ("responses", {"200": {}, "404": {"content": {"application/json": {}}}}, "is not application/problem+json"),
    ],
)
def test_an_incomplete_one_is_told(key, value, complaint):
    document = copy.deepcopy(GOOD)
    document["paths"]["/api/v1/tickets"]["get"][key] = value

    assert complaint in "\n".join(openapi.problems(document))
