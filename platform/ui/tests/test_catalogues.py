"""Every text is translated."""

import io

from babel.messages.mofile import write_mo
from infra.i18n import catalogues


def test_the_portuguese_catalogue_is_complete():
    assert catalogues.problems() == []


def test_the_compiled_catalogue_is_up_to_date():
    compiled = io.BytesIO()
    write_mo(compiled, catalogues.read("pt_BR"))

    assert catalogues.po_path("pt_BR").with_suffix(".mo").read_bytes() == compiled.getvalue()
