"""Outside services on loopback: a provider that signs whatever a test wants, and a name server."""

import base64
import contextlib
import hashlib
import itertools
import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

import dns.message
import dns.rdatatype
import dns.rrset
import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import RSAAlgorithm

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER_KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
PUBLIC_PEM = KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def now_seconds() -> int:
    return int(time.time())


class Signer:
    """A provider under the test's control. It checks PKCE, the client's secret and that a code is used once, as a real one does."""

    client_id, client_secret = "atende", "a-secret-of-the-client"

    def __init__(self) -> None:
        self.issuer = ""
        self.claims: dict[str, Any] = {}
        self.dropped: set[str] = set()
        self.make: Callable[[dict[str, Any]], str] = self.signed
        self.codes: dict[str, dict[str, str]] = {}
        self.discovery: dict[str, Any] = {}
        self.redirects_to = ""
        self.asked: list[str] = []
        self.userinfo: dict[str, Any] = {}
        self.last_token = ""
        self._numbers = itertools.count()

    def signed(self, claims: dict[str, Any], key: Any = KEY, algorithm: str = "RS256", kid: str = "one") -> str:
        return jwt.encode(claims, key, algorithm=algorithm, headers={"kid": kid})

    def authorize(self, address: str, **answer: str) -> dict[str, str]:
        """What a person at the provider does: agrees. Returns the query with which the browser comes back."""
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert query["response_type"] == "code" and query["code_challenge_method"] == "S256"  # noqa: PT018 (one rule)
        code = f"code-{next(self._numbers)}"
        self.codes[code] = query
        return {"code": code, "state": query["state"], **answer}

    def answer(self, path: str, form: dict[str, str], headers: Any) -> tuple[int, Any]:
        self.asked.append(path)
        if path == "/.well-known/openid-configuration":
            return 200, {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
                "userinfo_endpoint": f"{self.issuer}/userinfo",
                **self.discovery,
            }
        if path == "/keys":
            return 200, {"keys": [{**json.loads(RSAAlgorithm.to_jwk(KEY.public_key())), "kid": "one", "use": "sig"}]}
        if path == "/userinfo":
            return 200, self.userinfo
        return self._token(form, headers) if path == "/token" else (404, {})

    def _token(self, form: dict[str, str], headers: Any) -> tuple[int, Any]:
        query = self.codes.pop(form.get("code", ""), None)
        pair = base64.b64encode(f"{self.client_id}:{self.client_secret}".encode()).decode()
        challenge = base64.urlsafe_b64encode(hashlib.sha256(form.get("code_verifier", "").encode()).digest()).rstrip(b"=").decode()
        if query is None or headers.get("Authorization") != f"Basic {pair}" or query["code_challenge"] != challenge:
            return 400, {"error": "invalid_grant"}
        standard = {"iss": self.issuer, "aud": self.client_id, "iat": now_seconds(), "exp": now_seconds() + 300, "sub": "subject-1"}
        claims = {**standard, "nonce": query["nonce"], **self.claims}
        self.last_token = self.make({name: value for name, value in claims.items() if name not in self.dropped})
        return 200, {"access_token": "an-access-token", "token_type": "Bearer", "id_token": self.last_token}


def _handler(signer: Signer) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            if signer.redirects_to:
                signer.asked.append(self.path)
                self.send_response(302)
                self.send_header("Location", signer.redirects_to)
                self.end_headers()
                return
            length = int(self.headers.get("Content-Length") or 0)
            form = {name: values[0] for name, values in parse_qs(self.rfile.read(length).decode()).items()}
            status, body = signer.answer(self.path, form, self.headers)
            content = json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_POST = do_GET  # noqa: N815 (the library names it)

        def log_message(self, *_: Any) -> None:
            """Quiet."""

    return Handler


@contextlib.contextmanager
def running_signer() -> Iterator[Signer]:
    """The provider on a free port."""
    signer = Signer()
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(signer))
    server.daemon_threads = True
    signer.issuer = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield signer
    server.shutdown()
    server.server_close()
    thread.join(2)


class Names:
    """A name server for TXT records."""

    def __init__(self) -> None:
        self.records: dict[str, list[str]] = {}
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"

    def serve(self) -> None:
        """Answers until the socket is closed."""
        while True:
            try:
                data, peer = self._socket.recvfrom(4096)
            except OSError:
                return
            if not data:
                return
            query = dns.message.from_wire(data)
            reply = dns.message.make_response(query)
            name = query.question[0].name
            texts = self.records.get(name.to_text().rstrip("."), [])
            if texts and query.question[0].rdtype == dns.rdatatype.TXT:
                reply.answer = [dns.rrset.from_text(name, 60, "IN", "TXT", *(f'"{text}"' for text in texts))]
            self._socket.sendto(reply.to_wire(), peer)

    def close(self) -> None:
        """Wakes the server, which then ends."""
        with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as waker:
            waker.sendto(b"", self._socket.getsockname())
        self._socket.close()


@contextlib.contextmanager
def running_names() -> Iterator[Names]:
    """The name server on a free port."""
    names = Names()
    thread = threading.Thread(target=names.serve, daemon=True)
    thread.start()
    yield names
    names.close()
    thread.join(2)
