"""The platform's own audit trail: what operators did, a filter, its export, and how it stands against its anchors."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from kernel import limits
from kernel.problems import FieldError, ValidationProblem
from ui.faces import face
from ui.pages import Page

from shared_apps.audit import filtering, selectors, services, words
from shared_apps.audit.exporting import FORMATS, export_answer
from shared_apps.console import presenters
from shared_apps.console.trail import PAGE, actor_choices, audit_lines, chain_context
from shared_apps.tenants.selectors import tenant_counts

EXPORT_URL = f"{PAGE}export/"


class AuditTrail(Page):
    """Entries, newest first."""

    permission = selectors.READ

    def get(self, request: HttpRequest) -> HttpResponse:
        user: Any = request.user  # Any: `Page` has turned anonymous visitors away
        values = filtering.values_in(request.GET.dict())
        wanted = filtering.wanted_in(values, user.time_zone)
        page = selectors.audit_page(wanted, cursor=request.GET.get("cursor", ""), limit=30)
        context = {
            "section": "audit",
            "me": face(user.name, user.public_id),
            "tenant_total": tenant_counts()["all"],
            **presenters.environment(),
            **chain_context(),
            "lines": audit_lines(page.rows),
            "values": values,
            "is_narrowed": any(values.values()),
            "types": words.PLATFORM_LABELS,
            "actors": actor_choices(),
            "exports": filtering.export_links(EXPORT_URL, wanted),
            "page_url": PAGE,
            "next_url": filtering.page_link(PAGE, values, page.next),
            "previous_url": filtering.page_link(PAGE, values, page.previous),
        }
        return render(request, "console/audit.html", context)


class AuditExport(Page):
    """Streams what is shown, oldest first. That somebody did is an entry itself."""

    permission = selectors.EXPORT

    def get(self, request: HttpRequest) -> HttpResponseBase:
        user: Any = request.user  # Any: as above
        form = request.GET.get("format", "")
        if form not in FORMATS:
            raise ValidationProblem([FieldError("/format", "unknown", _("There is no such format"))])
        wanted = filtering.wanted_in_export(request.GET.dict())
        limits.take(services.EXPORTS_PER_USER, "audit-export", str(user.public_id))
        services.note_export(form=form, wanted=wanted.as_json())
        return export_answer(form, selectors.exported_rows(wanted))
