"""The plug-in registry."""

import pytest

from kernel.registry import DuplicateSlug, Registry


def test_a_slug_belongs_to_one_item():
    registry: Registry[type] = Registry("thing")

    @registry.register("a")
    class First:
        pass

    with pytest.raises(DuplicateSlug):

        @registry.register("a")
        class Second:
            pass

    assert registry.get("a") is First
    assert registry.find("b") is None
