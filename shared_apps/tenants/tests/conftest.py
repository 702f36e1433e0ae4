"""Fixtures of the tests of the registry."""

import pytest


@pytest.fixture
def no_pause(monkeypatch) -> list[float]:
    """The waits of moves and deletions, noted instead of waited."""
    from shared_apps.tenants.lifecycle import moving

    noted: list[float] = []
    monkeypatch.setattr(moving, "pause", noted.append)
    return noted


@pytest.fixture(autouse=True)
def _own_media(settings, tmp_path_factory, request) -> None:
    """Files of tests that copy whole tenants lie in a folder of their own."""
    if "fresh_database" in request.fixturenames:
        settings.MEDIA_ROOT = tmp_path_factory.mktemp("media")


@pytest.fixture
def full(fresh_database):
    """The tenant canela with a bit of everything."""
    from shared_apps.tenants.tests.lives import new_tenant

    return new_tenant("canela")


@pytest.fixture
def file(tmp_path):
    """Where an archive of it may be written."""
    return tmp_path / "canela.atende"
