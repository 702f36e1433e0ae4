"""Free loopback ports, chosen once and remembered, chosen again when somebody else took them."""

import socket
from collections.abc import Iterable
from pathlib import Path

from infra.dev import folders


def free_port() -> int:
    """A loopback port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def is_free(port: int) -> bool:
    """Whether a server could listen on this loopback port now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def remembered_ports(file: Path, names: Iterable[str]) -> dict[str, int]:
    """One port per name: the one in the file while it is free, otherwise a new one."""
    known = folders.read_json(file)
    chosen: dict[str, int] = {}
    for name in names:
        port = known.get(name)
        while not isinstance(port, int) or port in chosen.values() or not is_free(port):
            port = free_port()
        chosen[name] = port
    folders.write_json(file, chosen)
    return chosen
