"""API keys and service accounts: creating, replacing and ending them."""

import datetime
import uuid
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from kernel.problems import FieldError, NotFound, ValidationProblem
from shared_apps.accounts import selectors as accounts_reads
from shared_apps.accounts import services as accounts
from shared_apps.accounts.models import ApiKey, User
from shared_apps.accounts.scopes import every_scope
from ui.forms import messages_by_field
from ui.pages import Page

from tenant_apps.access.giving import check_may_give_key, check_may_give_role
from tenant_apps.access.services.service_accounts import open_service_account
from tenant_apps.workspace.pages.shell import frame, member
from tenant_apps.workspace.presenters.keys import LIFETIMES, OVERLAPS, keys_context

PERMISSION = "access.apikey.manage"


class ApiKeys(Page):
    """The keys of the tenant. A new key is shown in the answer to its creation and never again."""

    proof_methods = frozenset({"POST"})
    permission = PERMISSION

    def get(self, request: HttpRequest) -> HttpResponse:
        return _keys(request, {})

    def post(self, request: HttpRequest) -> HttpResponse:
        user = member(request)
        try:
            limits = _limits(request)
            owner = _owner(user, request.POST.get("service_account_id", ""))
            check_may_give_key(giver=user, key=None, user=owner, scopes=limits.scopes)
            key, clear_text = accounts.create_api_key(user=owner, name=request.POST.get("name", ""), limits=limits)
        except ValidationProblem as problem:
            return _keys(request, {"values": _typed(request), "errors": messages_by_field(problem)}, status=422)
        return _keys(request, {"created": key, "clear_text": clear_text}, status=201)


class RotateKey(Page):
    """Replaces a key; the new one is shown once."""

    proof_methods = frozenset({"POST"})
    permission = PERMISSION

    def post(self, request: HttpRequest, key_id: uuid.UUID) -> HttpResponse:
        key, hours = _find(key_id), request.POST.get("overlap", "")
        if hours not in {value for value, _ in OVERLAPS}:
            raise ValidationProblem([FieldError("/overlap", "unknown", "")])
        check_may_give_key(giver=member(request), key=None, user=key.user, scopes=key.scopes)
        fresh, clear_text = accounts.rotate_api_key(key=key, overlap=datetime.timedelta(hours=int(hours)))
        return _keys(request, {"created": fresh, "clear_text": clear_text, "is_rotated": True}, status=201)


class RevokeKey(Page):
    """Ends a key at once."""

    permission = PERMISSION

    def post(self, request: HttpRequest, key_id: uuid.UUID) -> HttpResponse:
        accounts.revoke_api_key(key=_find(key_id))
        return redirect("/settings/keys/?revoked=1")


class ServiceAccounts(Page):
    """A user for programs."""

    proof_methods = frozenset({"POST"})
    permission = PERMISSION

    def post(self, request: HttpRequest) -> HttpResponse:
        user, name, role = member(request), request.POST.get("name", ""), request.POST.get("role", "")
        try:
            check_may_give_role(giver=user, key=None, role=role)
            open_service_account(name=name, role=role)
        except ValidationProblem as problem:
            found = {f"account_{field}": sentence for field, sentence in messages_by_field(problem).items()}
            return _keys(request, {"account_values": {"name": name, "role": role}, "errors": found}, status=422)
        return redirect("/settings/keys/?opened=1")


class EndServiceAccount(Page):
    """Ends a service account with all its keys."""

    permission = PERMISSION

    def post(self, request: HttpRequest, account_id: uuid.UUID) -> HttpResponse:
        account = accounts_reads.service_accounts().filter(public_id=account_id).first()
        if account is None:
            raise NotFound
        accounts.deactivate_user(user=account)
        return redirect("/settings/keys/?ended=1")


def _find(key_id: uuid.UUID) -> ApiKey:
    key = accounts_reads.api_keys().filter(public_id=key_id).first()
    if key is None:
        raise NotFound
    return key


def _owner(user: User, account_id: str) -> User:
    """The service account that was chosen, or the person. Raises ValidationProblem."""
    if not account_id:
        return user
    try:
        account = accounts_reads.service_accounts().filter(public_id=uuid.UUID(account_id)).first()
    except ValueError:
        account = None
    if account is None:
        raise ValidationProblem([FieldError("/service_account_id", "unknown", _("There is nothing with this id"))])
    return account


def _limits(request: HttpRequest) -> accounts.KeyLimits:
    days = request.POST.get("lifetime", "")
    if days not in {value for value, _ in LIFETIMES}:
        raise ValidationProblem([FieldError("/lifetime", "unknown", _("Choose one of these"))])
    access = request.POST.get("access", "all")
    scopes = [scope for scope in request.POST.getlist("scopes") if scope]
    return accounts.KeyLimits(
        scopes=every_scope() if access == "all" else scopes,
        allowed_networks=request.POST.get("allowed_networks", "").replace(",", " ").split(),
        rate_class=request.POST.get("rate_class", "standard"),
        lifetime=datetime.timedelta(days=int(days)) if days else None,
    )


def _typed(request: HttpRequest) -> dict[str, Any]:  # Any: what stood in the form
    names = ("name", "lifetime", "access", "rate_class", "allowed_networks", "service_account_id")
    return {**{name: request.POST.get(name, "") for name in names}, "scopes": request.POST.getlist("scopes")}


def _keys(request: HttpRequest, extra: dict[str, Any], status: int = 200) -> HttpResponse:  # Any: template context
    user = member(request)
    values = extra.get("values", {"access": "all", "rate_class": "standard", "scopes": []})
    context = {
        **frame(user),
        "section": "keys",
        **keys_context(user, list(accounts_reads.api_keys()), list(accounts_reads.service_accounts()), values),
        "is_revoked": "revoked" in request.GET,
        "is_opened": "opened" in request.GET,
        "is_ended": "ended" in request.GET,
        **extra,
        "values": values,
    }
    return render(request, "workspace/settings/keys.html", context, status=status)
