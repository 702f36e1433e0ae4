"""Cells of CSV: harmless, and otherwise unchanged."""

import pytest

from kernel.spreadsheets import csv_line, safe_cell


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1", "'=1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@a", "'@a"),
        ("\t=1", "'\t'=1"),
        ("  =1", "'  =1"),
        ("a,=1", "a,'=1"),
        ('a"=1', "a\"'=1"),
        ("＝1", "'＝1"),
        ("\x00=1", "'=1"),
    ],
)
def test_what_could_begin_a_formula_has_an_apostrophe(text, cell):
    assert safe_cell(text) == cell


@pytest.mark.parametrize("text", ["", "a", "2026-01-02", "a=b", "1 - 1", "x@y.example", "0198-4c"])
def test_ordinary_text_stays(text):
    assert safe_cell(text) == text


def test_a_line_quotes_every_cell():
    assert csv_line(["a", None, 'b"c', 1]) == '"a","","b""c","1"\r\n'
