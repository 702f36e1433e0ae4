"""Fixtures of the tests of log-ins."""

import pytest
from tenant_apps.connectors.tests.smtp import Relay, running


@pytest.fixture
def relay(settings):
    """An outside mail server."""
    outside = Relay()
    with running(outside) as port:
        settings.ATENDE_SMTP_OUT_URL = f"smtp://127.0.0.1:{port}"
        yield outside
