"""Turns every failure of an API view into a problem."""

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import set_rollback

from kernel import problems
from kernel.problems import FieldError, Problem, ValidationProblem

_BY_EXCEPTION: list[tuple[type[Exception], type[Problem]]] = [
    (exceptions.NotAuthenticated, problems.NotAuthenticated),
    (exceptions.AuthenticationFailed, problems.NotAuthenticated),
    (exceptions.PermissionDenied, problems.NotAllowed),
    (PermissionDenied, problems.NotAllowed),
    (exceptions.NotFound, problems.NotFound),
    (Http404, problems.NotFound),
    (exceptions.MethodNotAllowed, problems.MethodNotAllowed),
    (exceptions.NotAcceptable, problems.NotAcceptable),
    (exceptions.UnsupportedMediaType, problems.UnsupportedMediaType),
    (exceptions.ParseError, problems.MalformedRequest),
]
_WITHOUT_DETAIL = (problems.NotFound, problems.NotAuthenticated)


def handle(exc: Exception, context: dict[str, Any]) -> Response | None:  # Any: DRF's context
    """DRF's exception handler. Unexpected exceptions go on to Django and become a logged 500."""
    problem = as_problem(exc)
    if problem is None:
        return None
    set_rollback()
    headers = dict(problem.headers)
    if isinstance(exc, exceptions.APIException) and getattr(exc, "auth_header", None):
        headers["WWW-Authenticate"] = str(exc.auth_header)  # type: ignore[attr-defined]  # set by DRF on 401 only
    answer = Response(problem.as_json(), status=problem.status, headers=headers)
    answer.content_type = problems.CONTENT_TYPE
    return answer


def as_problem(exc: Exception) -> Problem | None:
    """The problem for an exception, or None for an unexpected one."""
    if isinstance(exc, Problem):
        return exc
    if isinstance(exc, exceptions.ValidationError):
        return ValidationProblem(list(field_errors(exc.detail)))
    for exception_type, problem_type in _BY_EXCEPTION:
        if isinstance(exc, exception_type):
            detail = "" if problem_type in _WITHOUT_DETAIL else str(getattr(exc, "detail", "") or exc)
            return problem_type(detail)
    return None


def field_errors(detail: Any, pointer: str = "") -> list[FieldError]:  # Any: DRF's nested error detail
    """Flattens DRF's nested errors into JSON pointers."""
    if isinstance(detail, dict):
        found = []
        for name, inner in detail.items():
            step = "" if name == "non_field_errors" else f"/{str(name).replace('~', '~0').replace('/', '~1')}"
            found += field_errors(inner, pointer + step)
        return found
    if isinstance(detail, list):
        found = []
        for position, inner in enumerate(detail):
            nested = isinstance(inner, dict | list)
            found += field_errors(inner, f"{pointer}/{position}" if nested else pointer)
        return found
    return [FieldError(pointer=pointer or "", code=getattr(detail, "code", "invalid"), detail=str(detail))]
