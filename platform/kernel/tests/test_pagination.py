"""Keyset pages."""

import pytest
from tenant_apps.contacts.models import Contact

from kernel.api.pagination import Order, keyset_page
from kernel.problems import ValidationProblem

pytestmark = pytest.mark.django_db
NEWEST = Order(("created_at", "id"))


def rows():
    return Contact.objects.filter(name="Page test").values("id", "created_at")


@pytest.fixture
def contacts(in_acme):
    return [Contact.objects.create(name="Page test").pk for _ in range(7)]


def test_forward_and_back_meet_the_same_rows(contacts):
    first = keyset_page(rows(), order=NEWEST, limit=3)
    second = keyset_page(rows(), order=NEWEST, limit=3, cursor=first.next)
    third = keyset_page(rows(), order=NEWEST, limit=3, cursor=second.next)
    back = keyset_page(rows(), order=NEWEST, limit=3, cursor=third.previous)

    seen = [row["id"] for page in (first, second, third) for row in page.rows]
    assert seen == contacts[::-1]
    assert [row["id"] for row in back.rows] == [row["id"] for row in second.rows]
    assert (first.previous, third.next) == (None, None)


def test_a_row_added_on_top_moves_no_later_page(contacts):
    first = keyset_page(rows(), order=NEWEST, limit=3)
    Contact.objects.create(name="Page test")

    second = keyset_page(rows(), order=NEWEST, limit=3, cursor=first.next)

    assert [row["id"] for row in second.rows] == contacts[::-1][3:6]


@pytest.mark.parametrize("cursor", ["x", "bnVsbA", "WzEsMl0", "W3RydWUsImEiLDFd", "W2ZhbHNlLCIyMDI2LTAxLTAxIiwxXQ", "é" * 30])
def test_a_forged_cursor_is_refused(in_acme, cursor):
    with pytest.raises(ValidationProblem):
        keyset_page(rows(), order=NEWEST, cursor=cursor)


@pytest.mark.parametrize("limit", [0, -1, 101])
def test_a_limit_out_of_range_is_refused(in_acme, limit):
    with pytest.raises(ValidationProblem):
        keyset_page(rows(), order=NEWEST, limit=limit)
