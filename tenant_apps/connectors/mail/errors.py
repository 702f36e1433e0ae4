"""Why a mail cannot be read. The codes are stored with the parked event, so they never change."""

from typing import Final, Literal

UnreadableCode = Literal["empty", "too_large", "too_many_parts", "too_deep", "too_many_headers", "not_a_mail"]

_SENTENCES: Final[dict[UnreadableCode, str]] = {
    "empty": "The mail holds no bytes",
    "too_large": "The mail is larger than the limit",
    "too_many_parts": "The mail has more parts than the limit",
    "too_deep": "The parts of the mail are nested deeper than the limit",
    "too_many_headers": "The mail has more header fields than the limit",
    "not_a_mail": "The bytes hold no header field a mail must have",
}


class UnreadableMail(ValueError):
    """The bytes are no mail, or exceed a limit. `code` says which."""

    def __init__(self, code: UnreadableCode) -> None:
        super().__init__(_SENTENCES[code])
        self.code: UnreadableCode = code
