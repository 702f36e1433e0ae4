"""Fixtures of the tests of single sign-on."""

import pytest
from django.test import Client

from tenant_apps.sso.tests import fakes


@pytest.fixture
def signer(settings):
    """A provider that signs what the test wants, allowed as the one origin that is not public."""
    with fakes.running_signer() as running:
        settings.ATENDE_FETCH_ALLOW = [running.issuer]
        yield running


@pytest.fixture
def names(settings):
    """A name server."""
    with fakes.running_names() as running:
        settings.ATENDE_DNS_SERVER = running.address
        yield running


@pytest.fixture
def browser(acme, database):
    """Nobody, on acme's host."""
    return Client(HTTP_HOST=acme.host)
