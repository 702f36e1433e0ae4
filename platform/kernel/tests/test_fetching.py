"""The door to addresses of tenants: what it never connects to, and what it does not put up with. Attack cases E01 to E07, E09, E12."""

import contextlib
import re
import socket
import threading
import time

import pytest

from kernel import fetching
from kernel.fetching import FetchRefused, check_address, fetch, is_public, read_address


@pytest.fixture
def no_connection(monkeypatch):
    """Notes every connection that is tried, and makes none."""
    tried = []

    def connect(address, timeout=None):
        tried.append(address)
        raise ConnectionRefusedError

    monkeypatch.setattr(fetching.socket, "create_connection", connect)
    return tried


@contextlib.contextmanager
def speaking(*parts, pause=0.0):
    """A server on loopback that says `parts` to everybody, whatever it is asked; yields its origin and what it heard."""
    listener = socket.create_server(("127.0.0.1", 0))
    heard = []

    def serve():
        while True:
            try:
                peer, _ = listener.accept()
            except OSError:
                return
            with peer, contextlib.suppress(OSError):
                heard.append(_request(peer))
                for part in parts:
                    peer.sendall(part)
                    time.sleep(pause)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listener.getsockname()[1]}", heard
    listener.shutdown(socket.SHUT_RDWR)
    listener.close()
    thread.join(2)


def _request(peer):
    """Head and body, which may come in two pieces."""
    read = b""
    while b"\r\n\r\n" not in read and (part := peer.recv(65536)):
        read += part
    length = re.search(rb"Content-Length: (\d+)", read)
    while length and len(read.partition(b"\r\n\r\n")[2]) < int(length[1]) and (part := peer.recv(65536)):
        read += part
    return read


def answer(body, status="200 OK", *headers):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def cause(url, **more):
    with pytest.raises(FetchRefused) as refused:
        fetch(url, **more)
    return refused.value.cause


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.8.8", "0.0.0.0", "10.1.2.3", "172.16.0.1", "192.168.1.1", "100.64.0.1", "169.254.169.254", "192.0.0.8"),
        *("198.18.0.1", "224.0.0.1", "240.0.0.1", "255.255.255.255", "192.0.2.1", "::1", "::", "fe80::1", "fc00::1", "fec0::1", "ff02::1"),
        *(
            "192.88.99.1",
            "2001::1",
            "64:ff9b:1::7f00:1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "64:ff9b::7f00:1",
            "64:ff9b::a9fe:a9fe",
            "2002:7f00:1::",
            "2002:a00:1::",
            "2001:db8::1",
        ),
        *("", "x", "1.2.3", "fe80::1%eth0"),
    ],
)
def test_e01_addresses_that_are_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"])
def test_addresses_that_are(address):
    assert is_public(address)


@pytest.mark.parametrize(
    "host",
    [
        *("127.0.0.1", "[::1]", "10.0.0.1", "169.254.169.254", "0.0.0.0", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]"),
        *("2130706433", "0x7f000001", "0x7f.1", "0177.1", "017700000001", "127.1", "1.2.3.4.5", "localhost", "acme.localhost"),
    ],
)
def test_e01_e03_no_connection_is_made_inside(no_connection, host):
    assert cause(f"https://{host}/") == "address"
    with pytest.raises(FetchRefused):
        check_address(f"https://{host}/")
    assert no_connection == []


@pytest.mark.parametrize(
    "url",
    [
        *("idp.example", "//idp.example/", "http:///idp.example", "https://", "https://user@idp.example/", "https://u:p@idp.example/"),
        *(
            "https://idp.example\\@evil.example/",
            "https://idp.example/\t",
            "https://idp.example /",
            " https://idp.example/",
            "https://idp。example/",
        ),
        *(
            "https://idp.example:99999/",
            "https://idp.example:6379/",
            "https://idp.example:5432/",
            "http://idp.example/",
            "https://idp..example/",
        ),
        *(
            "https://-idp.example/",
            "https://idp.example./",
            "https://[::1/",
            "https://[fe80::1%25eth0]/",
            "https://idp.example/#x",
            "https://éxample.com/",
        ),
        *(
            "file:///etc/passwd",
            "gopher://idp.example/",
            "ftp://idp.example/",
            "redis://idp.example/",
            "unix:/run/x",
            "data:,x",
            "https://" + "a" * 300,
        ),
    ],
)
def test_e06_e07_what_is_not_a_plain_address(no_connection, url):
    assert cause(url, resolver=lambda *_: ["93.184.216.34"]) == "address"
    assert no_connection == []


def test_every_address_of_a_name_has_to_be_public(no_connection):
    assert cause("https://idp.example/", resolver=lambda *_: ["93.184.216.34", "10.0.0.1"]) == "address"
    assert no_connection == []


def test_e05_a_name_that_changes_its_address_is_asked_once(no_connection):
    """What is connected to is what was judged: a second look, which would find loopback, never happens."""
    answers = iter([["93.184.216.34"], ["127.0.0.1"], ["127.0.0.1"]])

    assert cause("https://idp.example/", resolver=lambda *_: next(answers)) == "unreachable"

    assert no_connection == [("93.184.216.34", 443)]
    assert next(answers) == ["127.0.0.1"], "asked once"


def test_e05_a_name_that_was_public_when_it_was_saved_is_judged_again(no_connection):
    check_address("https://idp.example/", resolver=lambda *_: ["93.184.216.34"])

    assert cause("https://idp.example/", resolver=lambda *_: ["127.0.0.1"]) == "address"
    assert no_connection == []


def test_a_name_that_nobody_knows_may_be_saved_and_reaches_nothing(no_connection):
    def unknown(*_):
        raise socket.gaierror

    check_address("https://idp.example/", resolver=unknown)

    assert (cause("https://idp.example/", resolver=unknown), no_connection) == ("unreachable", [])


def test_our_own_hosts_are_not_fetched(no_connection, settings):
    settings.ATENDE_BASE_HOST = "atende.example"

    for host in ("atende.example", "ACME.atende.example"):
        assert cause(f"https://{host}/", resolver=lambda *_: ["93.184.216.34"]) == "address"
    assert read_address("https://notatende.example/").host == "notatende.example"


def test_e12_only_exactly_the_allowed_origin_is_allowed(settings):
    settings.ATENDE_FETCH_ALLOW = ["http://127.0.0.1:4444"]

    assert read_address("http://127.0.0.1:4444/x").path == "/x"
    for url in ("http://127.0.0.1:4445/", "http://127.0.0.2:4444/", "http://127.0.0.1:4444.evil.example/", "http://127.0.0.1/"):
        with pytest.raises(FetchRefused):
            fetch(url)


def test_e02_a_redirect_is_not_followed(settings):
    with speaking(answer(b"{}")) as (inside, heard), speaking(answer(b"", "302 Found", f"Location: {inside}/")) as (origin, _):
        settings.ATENDE_FETCH_ALLOW = [origin, inside]

        assert cause(f"{origin}/") == "answer"

    assert heard == []


def test_what_is_sent_and_what_comes_back(settings, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with speaking(answer(b'{"a": 1}')) as (origin, heard):
        settings.ATENDE_FETCH_ALLOW = [origin]

        found = fetch(f"{origin}/token?x=1", form={"code": "a b"}, headers={"Authorization": "Basic x"})

    assert (found.status, found.json()) == (200, {"a": 1})
    head, _, body = heard[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /token?x=1 HTTP/1.1\r\n")
    assert f"Host: {origin.removeprefix('http://')}".encode() in head
    assert body == b"code=a+b"


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ((answer(b"x" * 70_000),), "too-large"),
        ((b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", *[b"2000\r\n" + b"x" * 0x2000 + b"\r\n"] * 20), "too-large"),
        ((answer(b"x", "200 OK", "Content-Encoding: gzip"),), "answer"),
        ((b"this is not HTTP\r\n\r\n",), "answer"),
        ((b"HTTP/1.1 200 OK\r\n", *[b"X-Long: " + b"x" * 60_000 + b"\r\n"] * 3, *[b"X: y\r\n"] * 200, b"\r\n"), "answer"),
        ((answer(b"[1]"),), "answer"),
    ],
)
def test_e09_hostile_answers(settings, parts, why):
    with speaking(*parts) as (origin, _):
        settings.ATENDE_FETCH_ALLOW = [origin]

        with pytest.raises(FetchRefused) as refused:
            fetch(f"{origin}/").json()

    assert refused.value.cause == why


def test_e09_a_byte_at_a_time_ends_with_the_time_for_all_of_it(settings, monkeypatch):
    monkeypatch.setattr(fetching, "TOTAL_SECONDS", 0.6)
    with speaking(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n", *[b"x"] * 40, pause=0.1) as (origin, _):
        settings.ATENDE_FETCH_ALLOW = [origin]
        began = time.monotonic()

        assert cause(f"{origin}/") == "timeout"

    assert time.monotonic() - began < 6


def test_a_headers_drip_ends_as_well(settings, monkeypatch):
    monkeypatch.setattr(fetching, "TOTAL_SECONDS", 0.6)
    with speaking(*[b"H"] * 30, pause=0.1) as (origin, _):
        settings.ATENDE_FETCH_ALLOW = [origin]

        assert cause(f"{origin}/") == "timeout"


def test_a_header_that_would_be_two_is_refused(settings):
    with speaking(answer(b"{}")) as (origin, heard):
        settings.ATENDE_FETCH_ALLOW = [origin]

        assert cause(f"{origin}/", headers={"X": "a\r\nY: b"}) == "answer"

    assert heard in ([], [b""])
