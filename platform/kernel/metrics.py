"""Prometheus metrics of a process, served on a port of their own when `ATENDE_METRICS_PORT` is set."""

import structlog
from prometheus_client import Counter, Gauge, Histogram, start_http_server

HTTP_SECONDS = Histogram("atende_http_request_seconds", "Time to answer a request", ["method", "status"])
HOOKS_REJECTED = Counter("atende_hooks_rejected_total", "Hook deliveries refused before anything was stored", ["reason"])
INBOUND_EVENTS = Counter("atende_inbound_events_total", "Inbound events by outcome", ["connector", "outcome"])
DELIVERIES = Counter("atende_deliveries_total", "Outgoing hand-overs by outcome", ["connector", "outcome"])
SOCKETS = Gauge("atende_sockets", "Open event sockets of this process")
EVENTS_HANDLED = Counter("atende_consumer_events_total", "Events handled by consumers", ["consumer", "outcome"])

_log = structlog.get_logger(__name__)


def serve(port: int) -> None:
    """Starts the exporter on loopback or the container's interface. A port of 0 means none; a taken port is only logged."""
    if not port:
        return
    try:
        start_http_server(port)
    except OSError as error:
        _log.warning("metrics.port_taken", port=port, error=str(error))
