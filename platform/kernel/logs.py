"""Structured logs: events with ids, tenant and request id; never bodies, tokens, addresses or local variables."""

import logging
import sys
from typing import Any

import structlog

from kernel.actors import current_origin
from kernel.tenancy import current_scope_or_none


def add_scope(_logger: object, _method: str, event: dict[str, Any]) -> dict[str, Any]:  # Any: structlog's event dict
    """Adds tenant and request id to every line."""
    scope = current_scope_or_none()
    if scope is not None:
        event.setdefault("tenant", str(scope.tenant.id) if scope.tenant else "public")
    request_id = current_origin().request_id
    if request_id:
        event.setdefault("request_id", request_id)
    return event


def configure(*, as_json: bool, level: str) -> None:
    """Sends structlog and the standard library's records to standard error in one format."""
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        add_scope,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    if as_json:
        # the library's own dict_tracebacks writes every local variable, so bodies and tokens too
        traceback = structlog.processors.ExceptionRenderer(structlog.tracebacks.ExceptionDictTransformer(show_locals=False))
        render: list[Any] = [traceback, structlog.processors.JSONRenderer()]
    else:
        render = [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty(), exception_formatter=structlog.dev.plain_traceback)]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler()
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared, processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render]
        )
    )
    logging.root.handlers[:] = [handler]
    logging.root.setLevel(level)
