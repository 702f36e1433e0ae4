"""The audit trail: who did what, in sentences, with a filter, the history of one object, its exports, and how long entries are kept."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from kernel.problems import FieldError, ValidationProblem
from shared_apps.accounts import selectors as accounts
from shared_apps.audit import filtering, selectors, services, words
from ui.forms import messages_by_field
from ui.pages import Page

from tenant_apps.access.selectors import has_permission
from tenant_apps.workspace.pages.shell import frame, member
from tenant_apps.workspace.presenters.audit import PAGE, actor_choices, audit_lines

EXPORT_URL = "/api/v1/audit-entries/export"


class AuditTrail(Page):
    """Entries, newest first; a form sets how long they are kept, and shows first what would go."""

    permission = selectors.READ
    write_permission = selectors.RETENTION

    def get(self, request: HttpRequest) -> HttpResponse:
        return self._shown(request, {})

    def post(self, request: HttpRequest) -> HttpResponse:
        text = request.POST.get("keep_days", "").strip()
        try:
            days = _days(text)
            if "confirmed" in request.POST:
                services.set_retention(keep_days=days)
                return redirect(f"{PAGE}?done=retention")
            services.check_retention(days)
        except ValidationProblem as problem:
            return self._shown(request, {"wanted_days": text, "errors": messages_by_field(problem)}, status=422)
        return self._shown(request, {"wanted_days": text, "is_preview": True, "old": selectors.old_entries(days)})

    def _shown(self, request: HttpRequest, extra: dict[str, Any], *, status: int = 200) -> HttpResponse:  # Any: template context
        user = member(request)
        values = filtering.values_in(request.GET.dict())
        wanted = filtering.wanted_in(values, user.time_zone)
        page = selectors.audit_page(wanted, cursor=request.GET.get("cursor", ""), limit=30)
        context = {
            **frame(user),
            "section": "audit",
            "lines": audit_lines(user, page.rows),
            "values": values,
            "is_narrowed": any(values.values()),
            "types": words.TYPE_LABELS,
            "actors": actor_choices(list(accounts.active_users()), list(accounts.api_keys())),
            "exports": filtering.export_links(EXPORT_URL, wanted) if has_permission(user, selectors.EXPORT) else [],
            "page_url": PAGE,
            "keep_days": (keep_days := selectors.keep_days()),
            "wanted_days": keep_days,
            "may_set_retention": has_permission(user, selectors.RETENTION),
            "shortest_days": services.SHORTEST_DAYS,
            "longest_days": services.LONGEST_DAYS,
            "done": request.GET.get("done", ""),
            "next_url": filtering.page_link(PAGE, values, page.next),
            "previous_url": filtering.page_link(PAGE, values, page.previous),
            **extra,
        }
        return render(request, "workspace/settings/audit.html", context, status=status)


def _days(text: str) -> int | None:
    """The days a form names; None for an empty field. Raises ValidationProblem."""
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ValidationProblem([FieldError("/keep_days", "invalid", gettext("Enter a number of days"))])
    return int(text)
