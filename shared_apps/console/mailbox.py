"""Where the demo's pages find the mails that were caught: the app that catches them is above this one and installs itself here."""

import datetime
from typing import Any, Protocol


class Caught(Protocol):
    """The description of a caught mail."""

    @property
    def id(self) -> str: ...

    @property
    def sender(self) -> str: ...

    @property
    def recipient(self) -> str: ...

    @property
    def subject(self) -> str: ...

    @property
    def received_at(self) -> datetime.datetime: ...

    @property
    def raw_url(self) -> str: ...


class Mailbox(Protocol):
    """Lists caught mails, newest first, and reads one: its description, its parsed content, its bytes."""

    def messages(self) -> Any: ...  # Any: a list of Caught; protocols of lists are invariant

    def message(self, mail_id: str) -> Any: ...  # Any: (Caught, parsed mail, bytes) or None


_mailbox: list[Mailbox] = []


def install_mailbox(mailbox: Mailbox) -> None:
    """Called once when the apps are ready."""
    _mailbox[:] = [mailbox]


def mailbox() -> Mailbox:
    """The installed mailbox."""
    return _mailbox[0]
