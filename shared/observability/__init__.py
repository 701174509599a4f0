"""What a running system says about itself: JSON logs with redaction, Prometheus metrics, OpenTelemetry traces."""

from shared.observability.logs import configure_logging, get_logger
from shared.observability.redaction import redact, redact_text
from shared.observability.tracing import instrument_app, start_tracing, stop_tracing, traceparent

__all__ = [
    "configure_logging",
    "get_logger",
    "instrument_app",
    "redact",
    "redact_text",
    "start_tracing",
    "stop_tracing",
    "traceparent",
]
