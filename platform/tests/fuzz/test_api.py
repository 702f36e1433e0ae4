"""Schemathesis against the running system: no server error, no answer the document does not name, no bad input taken.

Twenty seconds in the suite; `make test-fuzz` gives it five minutes.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

SECONDS = 300 if os.environ.get("ATENDE_FUZZ") == "full" else 20
CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
)

pytestmark = pytest.mark.timeout(SECONDS + 240)


def document(stack, folder: Path, change=None) -> Path:
    """The tenant API's document as the system serves it, with `change` applied to it."""
    answer = httpx.get(
        f"http://127.0.0.1:{stack.port}/api/v1/schema/?format=json", headers={"Host": stack.host("acme"), "Accept": "application/json"}
    )
    answer.raise_for_status()
    read = answer.json()
    if change is not None:
        change(read)
    file = folder / "schema.json"
    file.write_text(json.dumps(read))
    return file


def fuzz(stack, schema: Path, key: str, *options: str) -> subprocess.CompletedProcess:
    """One run of the command, as anybody would start it."""
    headers = {"Host": stack.host("acme"), "Authorization": f"Bearer {key}"}
    return subprocess.run(
        [
            str(Path(sys.executable).with_name("schemathesis")),
            "run",
            str(schema),
            f"--url=http://127.0.0.1:{stack.port}",
            *(part for name, value in headers.items() for part in ("-H", f"{name}: {value}")),
            f"--checks={','.join(CHECKS)}",
            "--exclude-path-regex=/hooks/|/secrets$",  # hooks are signed, and other suites sign with the secret that is there
            "--continue-on-failure",
            *options,
        ],
        cwd=schema.parent,
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
    )


@pytest.mark.parametrize("person", ["ada", "ana"])
def test_no_generated_request_surprises_the_api(stack, tmp_path, person):
    schema = document(stack, tmp_path)

    done = fuzz(stack, schema, stack.api_key("acme", person, "fuzz"), f"--max-time={SECONDS // 2}")

    assert done.returncode == 0, done.stdout[-6000:]
    assert "Tested:" in done.stdout


def test_an_undocumented_status_would_be_found(stack, tmp_path):
    def forget_the_404(read):
        read["paths"] = {"/api/v1/tickets/{ticket_id}": {"get": read["paths"]["/api/v1/tickets/{ticket_id}"]["get"]}}
        del read["paths"]["/api/v1/tickets/{ticket_id}"]["get"]["responses"]["404"]

    schema = document(stack, tmp_path, forget_the_404)

    done = fuzz(stack, schema, stack.api_key("acme", "ana", "fuzz bite"), "--max-examples=3", "--phases=fuzzing")

    assert done.returncode == 1
    assert "Undocumented status code" in done.stdout
