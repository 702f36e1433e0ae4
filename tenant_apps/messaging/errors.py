"""What can go wrong with messages."""

from kernel.problems import Problem


class MessageEmpty(Problem):
    slug, title, status = "message-empty", "The message has no content", 422


class DeliveryNotFailed(Problem):
    slug, title, status = "delivery-not-failed", "Only a failed message can be sent again", 409


class NoRecipient(Problem):
    slug, title, status = "no-recipient", "The contact cannot be reached on this channel", 409


class AttachmentRefused(Problem):
    slug, title, status = "attachment-refused", "The attachment cannot be accepted", 422
