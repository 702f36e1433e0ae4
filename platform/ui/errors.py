"""What a person sees when something fails: a whole page, or a small fragment where htmx asked."""

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from kernel.problems import NotAllowed, NotFound, Problem, response, wants_problem


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler400."""
    return error_page(request, 400, _("This request cannot be read"), _("Go back and try again."))


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler403."""
    if wants_problem(request):
        return response(NotAllowed())
    return error_page(request, 403, _("You may not do this"), _("Ask an admin of your organization for the right to it."))


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's handler404."""
    if wants_problem(request):
        return response(NotFound())
    return error_page(request, 404, _("There is nothing here"), _("The address may be wrong, or you may not see what it leads to."))


def server_error(request: HttpRequest) -> HttpResponse:
    """Django's handler500. It asks the database nothing."""
    if wants_problem(request):
        answer = HttpResponse(b'{"type":"/problems/internal-error","title":"Something went wrong on our side","status":500}', status=500)
        answer["Content-Type"] = "application/problem+json"
        return answer
    return error_page(request, 500, _("Something went wrong on our side"), _("It has been recorded. Please try again in a moment."))


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    """Django's CSRF_FAILURE_VIEW."""
    if wants_problem(request):
        return response(NotAllowed("The CSRF token is missing or wrong"))
    return error_page(
        request, 403, _("This page is out of date"), _("Reload it and send the form again. What you typed in a composer is kept.")
    )


def problem_page(request: HttpRequest, problem: Problem) -> HttpResponse:
    """A service's refusal, for a page that has no better place for it."""
    answer = error_page(request, problem.status, _(problem.title), "" if problem.detail == problem.title else sentence(problem))
    for name, value in problem.headers.items():
        answer[name] = value
    return answer


def sentence(problem: Problem) -> str:
    """What a refusal says, in the reader's language: services word the detail, a bare problem has only its title."""
    return _(str(problem.detail))


def error_page(request: HttpRequest, status: int, title: str, text: str) -> HttpResponse:
    """The page or, for htmx, the fragment."""
    is_fragment = request.headers.get("HX-Request") == "true" and "HX-History-Restore-Request" not in request.headers
    template = "ui/error_fragment.html" if is_fragment else "ui/error.html"
    context = {"status": status, "title": title, "text": text, "request_id": request.META.get("ATENDE_REQUEST_ID", "")}
    answer = render(request, template, context, status=status)
    if is_fragment:
        # An error never lands in the place a success was meant for: it is shown as a toast.
        answer["HX-Retarget"], answer["HX-Reswap"] = "#toasts", "beforeend"
    return answer
