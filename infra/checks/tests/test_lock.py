"""The lock check catches hosts, missing hashes and missing packages."""

import pytest

from infra.checks import lock

PROJECT = """
[project]
dependencies = ["django==5.2.19"]
[project.optional-dependencies]
embedded = []
[dependency-groups]
build = []
dev = ["pytest==9.2.0"]
"""
RUNTIME = "django==5.2.19 \\\n    --hash=sha256:aa\n"
DEV = RUNTIME + "pytest==9.2.0 \\\n    --hash=sha256:bb\n"


@pytest.mark.parametrize(
    ("runtime", "dev", "complaint"),
    [
        ("--index-url https://mirror.example/simple\n" + RUNTIME, DEV, "names a host"),
        ("django @ file:///tmp/django.whl \\\n    --hash=sha256:aa\n" + RUNTIME, DEV, "names a host"),
        (RUNTIME + "six==1.17.0\n", DEV, "six==1.17.0 has no hash"),
        (RUNTIME, RUNTIME, "pytest ==9.2.0 of pyproject.toml is missing"),
        (RUNTIME.replace("5.2.19", "5.2.18"), DEV, "django ==5.2.19 of pyproject.toml is missing"),
        (RUNTIME, DEV, ""),
    ],
)
def test_what_is_wrong_is_told(tmp_path, monkeypatch, runtime, dev, complaint):
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "requirements.txt").write_text(runtime)
    (tmp_path / "requirements-dev.txt").write_text(dev)
    monkeypatch.setattr(lock, "ROOT", tmp_path)

    found = list(lock.problems())

    assert complaint in "\n".join(found)
    assert bool(found) == bool(complaint)
