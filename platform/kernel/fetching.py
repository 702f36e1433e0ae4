"""The one door to addresses that tenants give: public hosts only, the checked address, no redirects, little time, few bytes."""

import contextlib
import dataclasses
import http.client
import io
import ipaddress
import re
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, Literal
from urllib.parse import urlencode

import orjson
from django.conf import settings

CONNECT_SECONDS: Final = 5.0
TOTAL_SECONDS: Final = 10.0
MAX_BYTES: Final = 64 * 1024
Cause = Literal["address", "unreachable", "timeout", "answer", "too-large"]
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolver = Callable[[str, int], list[str]]

_URL: Final = re.compile(r"(https?)://([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?(/[!$-;=?-\[\]_a-z~]*)?", re.IGNORECASE | re.ASCII)
_LABEL: Final = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
_NAT64: Final = ipaddress.IPv6Network("64:ff9b::/96")
# Special by IANA's registries, whatever the running Python says of them.
_SPECIAL: Final = tuple(
    map(
        ipaddress.ip_network,
        ("192.0.0.0/24", "192.88.99.0/24", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "3fff::/20", "5f00::/16"),
    )
)
_PORTS: Final = {"http": 80, "https": 443}


class FetchRefused(Exception):
    """Nothing usable was fetched. `cause` is one of five words; no more than that is told to whoever gave the address."""

    def __init__(self, cause: Cause) -> None:
        super().__init__(cause)
        self.cause: Cause = cause


@dataclasses.dataclass(frozen=True, slots=True)
class Target:
    """An address that was read once: what is connected to is what was judged."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> str:
        """Scheme, host and port, as ATENDE_FETCH_ALLOW names them."""
        return f"{self.scheme}://{self._shown_host}:{self.port}"

    @property
    def authority(self) -> str:
        """The Host header."""
        return self._shown_host if self.port == _PORTS[self.scheme] else f"{self._shown_host}:{self.port}"

    @property
    def is_allowed_by_setting(self) -> bool:
        """Whether the operators have named exactly this origin: then nothing is asked of its addresses."""
        return self.origin in settings.ATENDE_FETCH_ALLOW

    @property
    def _shown_host(self) -> str:
        return f"[{self.host}]" if ":" in self.host else self.host


@dataclasses.dataclass(frozen=True, slots=True)
class Answer:
    """What a host said."""

    status: int
    body: bytes

    def json(self) -> dict[str, Any]:  # Any: JSON
        """The body as a JSON object. Raises FetchRefused."""
        try:
            found = orjson.loads(self.body)
        except orjson.JSONDecodeError as error:
            raise FetchRefused("answer") from error
        if not isinstance(found, dict):
            raise FetchRefused("answer")
        return found


def resolve(host: str, port: int) -> list[str]:
    """The addresses of a name, as the system knows them."""
    return [str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def read_address(url: str) -> Target:
    """The parts of an address: https and the usual ports, or an origin of ATENDE_FETCH_ALLOW. Raises FetchRefused.

    User names, backslashes, blanks, numbers that stand for addresses and names that are not plain ASCII are refused.
    """
    found = _URL.fullmatch(url) if len(url) <= 2000 else None
    if found is None:
        raise FetchRefused("address")
    scheme, host = found[1].lower(), _host(found[2].lower())
    target = Target(scheme, host, int(found[3] or _PORTS[scheme]), found[4] or "/")
    if target.is_allowed_by_setting:
        return target
    base = settings.ATENDE_BASE_HOST.lower()
    is_ours = host == base or host.endswith(f".{base}")
    if scheme != "https" or target.port not in _PORTS.values() or is_ours:
        raise FetchRefused("address")
    return target


def check_address(url: str, *, resolver: Resolver | None = None) -> None:
    """Raises FetchRefused for an address that would never be fetched. A name that nobody knows yet passes: it is judged when it is used."""
    target = read_address(url)
    with contextlib.suppress(OSError):
        _judged(target, resolver or resolve)


def fetch(
    url: str,
    *,
    form: Mapping[str, str] | None = None,
    headers: Mapping[str, str] | None = None,
    limit: int = MAX_BYTES,
    resolver: Resolver | None = None,
) -> Answer:
    """GETs, or POSTs `form`. Whatever status comes is an answer, but a redirect is none. Raises FetchRefused. Not inside a transaction."""
    target, deadline = read_address(url), time.monotonic() + TOTAL_SECONDS
    try:
        addresses = _judged(target, resolver or resolve)
        with _connected(target, addresses, deadline) as connection:
            return _answer(connection, target, form, headers or {}, limit)
    except TimeoutError as error:
        raise FetchRefused("timeout") from error
    except (http.client.HTTPException, ValueError) as error:
        raise FetchRefused("answer") from error
    except OSError as error:
        raise FetchRefused("unreachable") from error


def is_public(address: str) -> bool:
    """Whether an address is one of the open internet, whatever way it is written."""
    try:
        found = _unwrapped(ipaddress.ip_address(address))
    except ValueError:
        return False
    is_odd = found.is_multicast or found.is_reserved or getattr(found, "is_site_local", False)
    return found.is_global and not is_odd and not any(found in network for network in _SPECIAL)


def _unwrapped(address: Address) -> Address:
    """The IPv4 address inside an IPv6 one that stands for it."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address


def _host(text: str) -> str:
    if text.startswith("["):
        return str(ipaddress.IPv6Address(text[1:-1])) if _is_address(text[1:-1]) else _refuse()
    if _is_address(text):
        return text
    labels = text.split(".")
    if len(text) > 253 or _NUMBER.fullmatch(labels[-1]) or not all(map(_LABEL.fullmatch, labels)):
        return _refuse()
    return text


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _refuse() -> str:
    raise FetchRefused("address")


def _judged(target: Target, resolver: Resolver) -> list[str]:
    """The addresses to connect to: every one the name has is public, or none is used."""
    addresses = [target.host] if _is_address(target.host) else resolver(target.host, target.port)
    if not addresses or not (target.is_allowed_by_setting or all(map(is_public, addresses))):
        raise FetchRefused("address")
    return addresses


@contextlib.contextmanager
def _connected(target: Target, addresses: list[str], deadline: float) -> Iterator[http.client.HTTPConnection]:
    raw = _first(addresses, target.port, deadline)
    try:
        if target.scheme == "https":
            raw.settimeout(_left(deadline))
            raw = ssl.create_default_context().wrap_socket(raw, server_hostname=target.host)
        connection = http.client.HTTPConnection(target.host, target.port)
        connection.sock = _TimedSocket(raw, deadline)
        yield connection
    finally:
        raw.close()


def _first(addresses: list[str], port: int, deadline: float) -> socket.socket:
    last: OSError = ConnectionError()
    until = min(deadline, time.monotonic() + CONNECT_SECONDS)
    for address in addresses[:8]:
        try:
            return socket.create_connection((address, port), timeout=_left(until))
        except OSError as error:
            last = error
    raise last


def _answer(
    connection: http.client.HTTPConnection, target: Target, form: Mapping[str, str] | None, headers: Mapping[str, str], limit: int
) -> Answer:
    sent = {"Host": target.authority, "Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "Atende", **headers}
    body = None if form is None else urlencode(form)
    if body is not None:
        sent["Content-Type"] = "application/x-www-form-urlencoded"
    connection.request("GET" if body is None else "POST", target.path, body=body, headers={**sent, "Connection": "close"})
    response = connection.getresponse()
    is_packed = response.getheader("Content-Encoding", "identity").lower() != "identity"
    if 300 <= response.status < 400 or is_packed:
        raise FetchRefused("answer")
    content = response.read(limit + 1)
    if len(content) > limit:
        raise FetchRefused("too-large")
    return Answer(response.status, content)


def _left(deadline: float) -> float:
    """How many seconds are left. Raises TimeoutError."""
    left = deadline - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _TimedSocket:
    """What http.client needs of a socket. The whole exchange has one deadline, however slowly the bytes drip."""

    def __init__(self, raw: socket.socket, deadline: float) -> None:
        self._raw, self._deadline = raw, deadline

    def sendall(self, data: bytes) -> None:
        self._raw.settimeout(_left(self._deadline))
        self._raw.sendall(data)

    def makefile(self, mode: str) -> io.BufferedReader:
        return io.BufferedReader(_TimedReader(self._raw, self._deadline))

    def close(self) -> None:
        """The socket stays until its owner has read the answer."""


class _TimedReader(io.RawIOBase):
    def __init__(self, raw: socket.socket, deadline: float) -> None:
        super().__init__()
        self._raw, self._deadline = raw, deadline

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:  # Any: a writable buffer
        self._raw.settimeout(_left(self._deadline))
        return self._raw.recv_into(buffer)
