"""The texts that scripts show. A page carries them in one JSON block, so scripts hold no language of their own."""

from collections.abc import Callable
from typing import Final

from django.utils.translation import gettext as _
from django.utils.translation import pgettext


def page_strings() -> dict[str, object]:
    """What every page needs: times, copying, failures."""
    return {
        "now": pgettext("time ago", "now"),
        "minutes": pgettext("time ago", "{n}m"),
        "hours": pgettext("time ago", "{n}h"),
        "days": pgettext("time ago", "{n}d"),
        "today": _("Today"),
        "yesterday": _("Yesterday"),
        "copied": _("Copied"),
        "failed": _("That did not work. Please try again."),
        "network": _("No connection. Please try again."),
        "signIn": _("You have been signed out. Sign in again."),
        "passkeyCancelled": _("The device did not answer. Try again."),
        "passkeyRefused": _("This passkey does not fit, or it took too long."),
        "themeLight": _("Light theme"),
        "themeDark": _("Dark theme"),
    }


def agent_strings() -> dict[str, object]:
    """What the agent's screen needs beyond that."""
    return {
        **page_strings(),
        "reconnecting": _("Reconnecting, your drafts are safe"),
        "suspended": _("This organization's service is suspended"),
        "draft": pgettext("list row", "Draft"),
        "draftSaved": _("Draft saved"),
        "sending": _("Sending…"),
        "notSent": _("Not sent. The text is back in the composer."),
        "removeFile": _("Remove {name}"),
        "replyHint": _("Write a reply…"),
        "noteHint": _("Write a note to your team…"),
        "unread": _("Unread"),
        "newMessages": {"one": _("1 new message"), "other": _("{n} new messages")},
        "changes": {"one": _("1 change"), "other": _("{n} changes")},
        "noCommand": _("No command matches"),
        "goTo": _("Go to"),
        "thisTicket": _("This ticket"),
        "assignTo": _("Assign to {name}"),
        "appearance": _("Appearance"),
        "internalNote": _("Internal note"),
    }


BUNDLES: Final[dict[str, Callable[[], dict[str, object]]]] = {"page": page_strings, "agent": agent_strings}
