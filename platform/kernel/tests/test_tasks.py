"""Tasks carry a tenant's id; one whose tenant is not there yet, or not any more, is left to the sweeper."""

import logging
import uuid

import celery
import pytest

from kernel import tenancy
from kernel.tasks import tenant_task


@pytest.fixture(scope="module")
def seen():
    return []


@pytest.fixture(scope="module")
def task(seen):
    @tenant_task(queue="default")
    def look(number: int) -> None:
        seen.append((tenancy.current_tenant().slug, number))
        if number < 0:
            raise ValueError(number)

    return celery.current_app.tasks[look.name]


def test_a_task_runs_inside_its_tenant(fresh_database, acme, task, seen):
    task(tenant_id=str(acme.id), number=1)

    assert seen.pop() == ("acme", 1)
    assert tenancy.current_scope_or_none() is None


def test_a_task_of_an_unknown_tenant_does_nothing_and_raises_nothing(fresh_database, task, seen, caplog):
    caplog.set_level(logging.INFO)

    with tenancy.public_scope():
        task(tenant_id=str(uuid.uuid4()), number=2)

    assert all(number != 2 for _, number in seen)
    assert "Traceback" not in caplog.text


def test_a_task_that_fails_is_logged_and_does_not_raise(fresh_database, acme, task, caplog):
    task(tenant_id=str(acme.id), number=-1)

    assert "task.failed" in caplog.text
