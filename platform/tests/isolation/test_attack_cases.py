"""Every case of the catalogue is tried by a test that bears its name, or says why not; and the table of them is true."""

from tests.isolation.attack_cases import CASES, PAGE, WITHOUT, is_to_be_written, named_tests, page


def test_every_case_is_tried_or_says_why_not():
    tried = set(named_tests())

    assert {f"A{number:02}" for number in range(1, 29)} | {f"B{number:02}" for number in range(1, 26)} <= set(CASES)
    assert set(CASES) - tried - set(WITHOUT) == set()
    assert tried & set(WITHOUT) == set(), "they are tried now: take them off the list"
    assert tried <= set(CASES), "the catalogue does not say what they try"
    assert all(len(reason) > 15 for reason in WITHOUT.values())


def test_the_table_is_true():
    text = page(named_tests())
    if is_to_be_written():
        PAGE.write_text(text, encoding="utf-8")

    assert PAGE.read_text(encoding="utf-8") == text, "write it again with ATENDE_WRITE_ATTACKS=1"
