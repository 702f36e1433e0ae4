"""As whom a database server runs: PostgreSQL refuses root, so root lends it the account `nobody`."""

import dataclasses
import os
import pwd
import subprocess
from pathlib import Path
from typing import Any


@dataclasses.dataclass(frozen=True)
class Identity:
    """A user and group, or None for whoever starts us."""

    uid: int | None = None
    gid: int | None = None

    def popen_arguments(self) -> dict[str, Any]:  # Any: keyword arguments of subprocess
        """What subprocess needs to run a program as this identity, in a folder everyone may enter."""
        if self.uid is None:
            return {"cwd": "/"}
        return {"user": self.uid, "group": self.gid, "extra_groups": [], "cwd": "/"}

    def may(self, flag: str, path: Path) -> bool:
        """Asks the system itself, as this identity: `-x` run or pass through, `-w` write, `-r` read."""
        return subprocess.run(["test", flag, str(path)], check=False, **self.popen_arguments()).returncode == 0

    def give(self, path: Path) -> None:
        """Hands a path of our own over to this identity."""
        if self.uid is not None:
            os.chown(path, self.uid, self.gid if self.gid is not None else -1)


def server_identity() -> Identity:
    """The account a database server may run under: ours, or `nobody` where we are root."""
    if os.geteuid() != 0:
        return Identity()
    account = pwd.getpwnam("nobody")
    return Identity(account.pw_uid, account.pw_gid)
