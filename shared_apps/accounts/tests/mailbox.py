"""Reading what a worker sends about a log-in."""

import email
import email.policy
import re

from shared_apps.accounts import services
from shared_apps.accounts.models import AccountMail

LINK = re.compile(r"(https?)://([^/\s]+)(/[a-z-]+/[a-z0-9]+/)")


def send_all() -> None:
    """What the workers would do with the mails that wait in the tenant in scope."""
    for mail in AccountMail.objects.filter(sent_at=None, used_at=None).order_by("id"):
        services.send_account_mail(mail=mail)


def letters(relay) -> list[tuple[str, str]]:
    """The recipients and texts of what arrived outside."""
    found = []
    for _, recipients, raw in relay.mails:
        message = email.message_from_bytes(raw, policy=email.policy.default)
        found.append((recipients[0], message["Subject"] + "\n" + message.get_content()))
    return found


def path_in(text: str) -> str:
    """The path of the link in a letter."""
    return LINK.search(text)[3]
