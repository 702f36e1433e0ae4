"""The layout script catches what it is for."""

from pathlib import Path

import pytest

from infra.checks import layout

HEAD = '"""A module."""\n'


@pytest.mark.parametrize(
    ("name", "text", "complaint"),
    [
        ("tenant_apps/tickets/utils.py", HEAD, "name the room"),
        ("tenant_apps/tickets/services.py", HEAD + "connection.set_tenant(tenant)\n", "only kernel.tenancy enters a tenant"),
        ("tenant_apps/tickets/services.py", HEAD + "def f():\n    with tenant:\n        pass\n", "only kernel.tenancy enters a tenant"),
        ("tenant_apps/tickets/services.py", HEAD + "deliver_message.enqueue(1)\n", "only handlers and config enqueue"),
        ("tenant_apps/tickets/services.py", "x = 1\n", "begin with one line"),
        ("tenant_apps/tickets/checks/test_x.py", HEAD, "needs __init__.py"),
    ],
)
def test_a_broken_promise_is_told(tmp_path, name, text, complaint):
    path = tmp_path / name
    path.parent.mkdir(parents=True)
    path.write_text(text)

    found = list(layout.problems(tmp_path, [Path(name)]))

    assert len(found) == 1
    assert complaint in found[0]


def test_a_package_named_platform_is_told(tmp_path):
    (tmp_path / "platform").mkdir()
    (tmp_path / "platform" / "__init__.py").touch()

    assert "standard library" in next(layout.problems(tmp_path, []))


def test_a_handler_may_enqueue(tmp_path):
    (tmp_path / "handlers.py").write_text(HEAD + "deliver_message.enqueue(1)\n")

    assert list(layout.problems(tmp_path, [Path("handlers.py")])) == []


def test_a_stranger_at_the_top_is_told(tmp_path):
    (tmp_path / ".gitignore").write_text(".venv/\n")
    for name in ("platform", "scratch", ".venv"):
        (tmp_path / name).mkdir()

    assert [line.split(":")[0] for line in layout.strangers(tmp_path)] == ["scratch"]
