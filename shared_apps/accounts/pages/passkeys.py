"""Adding and removing a passkey; the browser's part is in passkeys.js."""

import json
import uuid

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from kernel.problems import NotFound, ValidationProblem
from ui.forms import messages_by_field

from shared_apps.accounts import passkeys
from shared_apps.accounts import services as accounts
from shared_apps.accounts.pages.own import OwnPage, person


class NewPasskey(OwnPage):
    """A form whose button first asks the device; what the device said comes in a hidden field."""

    proof_methods = frozenset({"GET", "POST"})

    def get(self, request: HttpRequest) -> HttpResponse:
        return self.show(request, "passkey", {"errors": {}})

    def post(self, request: HttpRequest) -> HttpResponse:
        user, name = person(request), request.POST.get("name", "")
        try:
            _, codes = accounts.add_passkey(request=request, user=user, credential=_credential(request), name=name)
        except ValidationProblem as problem:
            return self.show(request, "passkey", {"errors": messages_by_field(problem), "name": name}, status=422)
        if codes:
            return self.show(request, "recovery_codes", {"codes": codes}, status=201)
        return redirect(f"{self.site.security}?done=passkey")


class RemovePasskey(OwnPage):
    """It no longer signs in."""

    proof_methods = frozenset({"POST"})

    def post(self, request: HttpRequest, passkey_id: uuid.UUID) -> HttpResponse:
        row = passkeys.passkey_of(person(request), passkey_id)
        if row is None:
            raise NotFound
        accounts.remove_passkey(user=person(request), passkey=passkeys.passkey_json(row))
        return redirect(f"{self.site.security}?done=passkey-removed")


def _credential(request: HttpRequest) -> passkeys.Json:
    try:
        found = json.loads(request.POST.get("credential", ""))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
