"""The Postman collection: the same document gives the same bytes, and a request passes only when it succeeds."""

import json

import pytest
from drf_spectacular.generators import SchemaGenerator

from kernel.api.postman import collection


@pytest.fixture(scope="module")
def made():
    document = SchemaGenerator(urlconf="config.urls.every_api").get_schema(request=None, public=True)
    return collection(document), collection(json.loads(json.dumps(document)))


def requests(folder):
    return {item["name"]: item for tag in folder["item"] for item in tag["item"]}


def test_the_same_document_gives_the_same_bytes(made):
    first, second = made

    assert json.dumps(first) == json.dumps(second)


def test_a_request_without_a_key_would_fail(made):
    scripts = {name: "\n".join(item["event"][0]["script"]["exec"]) for name, item in requests(made[0]).items()}

    assert "oneOf([200])" in scripts["List tickets"]
    assert not [name for name, script in scripts.items() if "401" in script or "403" in script]


def test_a_second_run_creates_another_tenant(made):
    body = json.loads(requests(made[0])["Create a tenant"]["request"]["body"]["raw"])

    assert "{{$randomInt}}" in body["slug"]
