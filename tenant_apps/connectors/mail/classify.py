"""Tells people from machines (RFC 3834, RFC 3464 and the habits of mail systems), so that machines are stored but never answered."""

import dataclasses
import re
from typing import Final, Literal

from tenant_apps.connectors.mail.parse import DeliveryReport, ParsedMail

MailKind = Literal["human", "auto_reply", "bulk", "bounce_hard", "bounce_soft"]

_ROBOTS: Final = frozenset({"mailer-daemon", "postmaster", "mail-daemon", "mailerdaemon"})
_STATUS: Final = re.compile(r"\b([45])\.(\d{1,3})\.(\d{1,3})\b")
_REPLY_CODE: Final = re.compile(r"(?:^|\s)([45])[0-5]\d[\s-]")
_BULK_PRECEDENCE: Final = frozenset({"bulk", "junk", "list"})
_MAILBOX_FULL: Final = "5.2.2"  # permanent for this mail, not for the address


@dataclasses.dataclass(frozen=True, slots=True)
class Classification:
    """What wrote the mail, why we think so, and for bounces what it reports."""

    kind: MailKind
    reason: str
    report: DeliveryReport | None = None
    is_final_failure: bool = False

    @property
    def is_machine(self) -> bool:
        """Whether it must never be answered, never reopen and never count as a customer's word."""
        return self.kind != "human"

    @property
    def is_bounce(self) -> bool:
        """Whether it reports on a mail of ours."""
        return self.kind in {"bounce_hard", "bounce_soft"}


def classify(mail: ParsedMail, *, envelope_sender: str | None = None) -> Classification:
    """The class of a mail. `envelope_sender` is MAIL FROM: empty for the null sender, None where it is not known."""
    return _bounce(mail, envelope_sender) or _automatic(mail, envelope_sender) or _bulk(mail) or Classification("human", "")


def _bounce(mail: ParsedMail, envelope_sender: str | None) -> Classification | None:
    if mail.content_type == "multipart/report" and mail.report_type == "disposition-notification":
        return Classification("auto_reply", "read_receipt")
    if mail.report is not None and mail.report.recipients:
        return _from_report(mail.report)
    local = mail.senders[0].email.rpartition("@")[0] if mail.senders else ""
    is_robot = local in _ROBOTS
    is_report = mail.content_type == "multipart/report" and mail.report_type in {"", "delivery-status"}
    if not is_robot and not is_report and not (_has_null_sender(mail, envelope_sender) and mail.field("x-failed-recipients")):
        return None
    return _from_text(mail, "mailer_daemon" if is_robot else "report_without_status")


def _from_report(report: DeliveryReport) -> Classification:
    actions = {item.action for item in report.recipients}
    if actions <= {"delivered", "relayed", "expanded"}:
        return Classification("auto_reply", "delivery_receipt")
    failed = [item for item in report.recipients if item.action == "failed" or (not item.action and item.status.startswith("5"))]
    if any(item.status.startswith("5") and item.status != _MAILBOX_FULL for item in failed):
        return Classification("bounce_hard", "delivery_status", report, is_final_failure=True)
    return Classification("bounce_soft", "delivery_status", report, is_final_failure=bool(failed))


def _from_text(mail: ParsedMail, reason: str) -> Classification:
    """A bounce without a machine-readable part: only a status code in the text makes it hard."""
    text = mail.text[:20_000]
    found = _STATUS.search(text) or _REPLY_CODE.search(text)
    is_hard = found is not None and found[1] == "5" and found[0] != _MAILBOX_FULL
    report = mail.report or DeliveryReport(original_message_id="", recipients=())
    return Classification("bounce_hard" if is_hard else "bounce_soft", reason, report, is_final_failure=is_hard)


def _automatic(mail: ParsedMail, envelope_sender: str | None) -> Classification | None:
    checks = {
        "auto_submitted": mail.field("auto-submitted").split(";")[0].strip().lower() not in {"", "no"},
        "x_autoreply": any(mail.field(name) for name in ("x-autoreply", "x-autorespond", "x-autoresponder")),
        "auto_response_suppress": "all" in re.split(r"[\s,;]+", mail.field("x-auto-response-suppress").lower()),
        "precedence": "auto_reply" in _precedences(mail),
        "x_loop": bool(mail.field("x-loop")),
        "null_sender": _has_null_sender(mail, envelope_sender),
        "calendar_answer": mail.calendar_method in {"REPLY", "REFRESH"},
        "feedback_report": mail.content_type == "multipart/report" and mail.report_type == "feedback-report",
    }
    reason = next((name for name, holds in checks.items() if holds), None)
    return Classification("auto_reply", reason) if reason else None


def _bulk(mail: ParsedMail) -> Classification | None:
    if _precedences(mail) & _BULK_PRECEDENCE:
        return Classification("bulk", "precedence")
    if mail.field("list-id"):
        return Classification("bulk", "list_id")
    return None


def _precedences(mail: ParsedMail) -> set[str]:
    return {mail.field(name).strip().lower() for name in ("precedence", "x-precedence")}


def _has_null_sender(mail: ParsedMail, envelope_sender: str | None) -> bool:
    if envelope_sender is not None:
        return envelope_sender.strip() in {"", "<>"}
    return mail.field("return-path").strip() == "<>"
