"""Who follows what agents write, in the same transaction: an app above registers itself here, since we may not import it."""

from typing import Protocol

from kernel.registry import Registry

from tenant_apps.messaging.models import Conversation, Message


class Follower(Protocol):
    """Is asked before a reply is written, and told after any message of an agent was. Runs under the conversation's row lock."""

    def check_reply(self, conversation: Conversation) -> None:
        """Raises a Problem where no reply may be written now."""

    def written(self, message: Message) -> None:
        """A reply or note has been stored."""


FOLLOWERS: Registry[Follower] = Registry("message follower")
