"""Where the pages of one's own log-in stand: a tenant's workspace or the operators' console."""

import dataclasses
from collections.abc import Callable
from typing import Any

from shared_apps.accounts.models import User


@dataclasses.dataclass(frozen=True, slots=True)
class Site:
    """`frame` gives the context of the surrounding `base` template, `home` is where a sign-in leads, `security` the page itself."""

    base: str
    frame: Callable[[User], dict[str, Any]]  # Any: template context
    home: str
    security: str
    has_mailbox: bool = True  # whether mails can be written about a log-in; operators have no tenant to write from
    has_passkeys: bool = True  # they need the API, which operators do not have for their own log-in
