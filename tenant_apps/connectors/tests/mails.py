"""The mails of the tests: files in payloads/email, and those too large or too odd to keep as files."""

import base64
from pathlib import Path

FOLDER = Path(__file__).parent / "payloads" / "email"
NAMES = sorted(file.stem for file in FOLDER.glob("*.eml"))
_PLAIN = {
    "@@SENT_ID@@": "sent@acme.localhost",
    "@@REPLY_TO@@": "support@acme.localhost",
    "@@TENANT@@": "tenant",
    "@@FORGED@@": "x@acme.localhost",
}


def load(name: str, **marks: str) -> bytes:
    """A payload with CRLF line ends, its marks (`SENT_ID="..."`) filled in."""
    raw = (FOLDER / f"{name}.eml").read_bytes() if name in NAMES else GENERATED[name]()
    for mark, value in (_PLAIN | {"@@FORGED_ID@@": "x@y"} | {f"@@{key}@@": value for key, value in marks.items()}).items():
        raw = raw.replace(mark.encode(), value.encode())
    return raw.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def _head(number: int, subject: str = "Generated") -> str:
    return (
        "From: Mia Keller <mia@customer.example>\nTo: support@acme.localhost\nDate: Mon, 23 Nov 2026 09:12:00 +0100\n"
        f"Message-ID: <generated-{number}@customer.example>\nSubject: {subject}\n"
    )


def large_attachment() -> bytes:
    """Five megabytes of file."""
    content = base64.encodebytes(bytes(range(256)) * 20 * 1024).decode()
    return (
        f'{_head(1, "Large file")}MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="big"\n\n--big\nContent-Type: text/plain\n\n'
        f'Here it is.\n--big\nContent-Type: application/octet-stream; name="film.bin"\nContent-Transfer-Encoding: base64\n'
        f'Content-Disposition: attachment; filename="film.bin"\n\n{content}--big--\n'
    ).encode()


def deep_nesting() -> bytes:
    """Five hundred parts inside each other."""
    parts = "".join(f'--b{n}\nContent-Type: multipart/mixed; boundary="b{n + 1}"\n\n' for n in range(500))
    return f'{_head(2)}Content-Type: multipart/mixed; boundary="b0"\n\n{parts}'.encode()


def deep_messages() -> bytes:
    """Mails inside mails, without any boundary."""
    return (_head(3) + "Content-Type: message/rfc822\n\n" * 5_000).encode()


def many_parts() -> bytes:
    """Twenty thousand tiny parts."""
    return (
        f'{_head(4)}Content-Type: multipart/mixed; boundary="p"\n\n{"--p" + chr(10) + chr(10) + "x" + chr(10)}'.encode()
        + b"--p\n\nx\n" * 20_000
    )


def many_headers() -> bytes:
    """A hundred thousand header fields."""
    return (_head(5) + "X-Filler: x\n" * 100_000 + "\nx\n").encode()


def giant_subject() -> bytes:
    """A subject of fifty kilobytes."""
    return (_head(6, "Help " * 10_000) + "\nShort body.\n").encode()


def not_a_mail() -> bytes:
    """Bytes of something else."""
    return b"\x89PNG\r\n\x1a\n" + bytes(range(256))


GENERATED = {
    function.__name__: function
    for function in (large_attachment, deep_nesting, deep_messages, many_parts, many_headers, giant_subject, not_a_mail)
}
