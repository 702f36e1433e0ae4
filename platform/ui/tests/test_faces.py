"""Faces: initials and colours."""

import pytest

from ui.faces import face, initials


@pytest.mark.parametrize(
    ("name", "letters"),
    [
        ("Ana Ribeiro", "AR"),
        ("Ana Maria de Souza", "AS"),
        ("Cher", "CH"),
        ("bia.nogueira@mail.example", "BN"),
        ("  ", "?"),
        ("", "?"),
        ("(Oficina) Vila", "OV"),
        ("éva ő", "ÉŐ"),
    ],
)
def test_initials_come_from_the_first_and_the_last_word(name, letters):
    assert initials(name) == letters


def test_the_colour_depends_on_the_key_alone():
    assert face("Ana", "7").hue == face("Anna", "7").hue
    assert 0 <= face("Ana", "7").hue < 360
