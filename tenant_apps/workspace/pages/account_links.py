"""What the links in mails about a log-in lead to, and asking for the first of them. Looking changes nothing: a button does."""

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from kernel import tenancy
from kernel.problems import ValidationProblem
from shared_apps.accounts import services as accounts
from shared_apps.accounts.models import AccountMail, MailKind
from ui.forms import messages_by_field
from ui.pages import Page


class ForgottenPassword(Page):
    """Asks for a link to a new password. What is shown afterwards is the same for every address."""

    is_public = True

    def get(self, request: HttpRequest) -> HttpResponse:
        return _sheet(request, "forgotten", {"is_sent": "sent" in request.GET})

    def post(self, request: HttpRequest) -> HttpResponse:
        accounts.request_password_reset(email=request.POST.get("email", ""))
        return redirect("/password-reset/?sent=1")


class _Link(Page):
    """A page behind a link. A used, expired or forged one is refused alike."""

    is_public = True
    kind: ClassVar[MailKind]
    template: ClassVar[str]

    def get(self, request: HttpRequest, **token: str) -> HttpResponse:
        return _sheet(request, self.template, {"mail": self.found(token)})

    def found(self, token: dict[str, str]) -> AccountMail:
        """The mail whose link was followed. Raises LinkNotUsable."""
        return accounts.open_mail(next(iter(token.values())), self.kind)


class NewPassword(_Link):
    """A new password. It signs nobody in: the second step of signing in stays a step."""

    kind = MailKind.PASSWORD_RESET
    template = "new_password"

    def post(self, request: HttpRequest, **token: str) -> HttpResponse:
        mail = self.found(token)
        try:
            accounts.reset_password(mail=mail, password=request.POST.get("password", ""))
        except ValidationProblem as problem:
            return _sheet(request, self.template, {"mail": mail, "errors": messages_by_field(problem)}, status=422)
        return redirect("/sign-in/?done=password")


class ConfirmEmail(_Link):
    """The new mailbox says yes."""

    kind = MailKind.EMAIL_CONFIRM
    template = "confirm_email"

    def post(self, request: HttpRequest, **token: str) -> HttpResponse:
        accounts.confirm_email_change(mail=self.found(token))
        return redirect("/sign-in/?done=email")


class UndoEmail(_Link):
    """The old mailbox says no."""

    kind = MailKind.EMAIL_UNDO
    template = "undo_email"

    def post(self, request: HttpRequest, **token: str) -> HttpResponse:
        accounts.undo_email_change(mail=self.found(token))
        return redirect("/sign-in/?done=undo")


def _sheet(request: HttpRequest, name: str, extra: dict[str, Any], status: int = 200) -> HttpResponse:  # Any: template context
    return render(request, f"workspace/links/{name}.html", {"tenant": tenancy.current_tenant(), **extra}, status=status)
