"""JSON logs, one line an entry: timestamp, level, service, message, correlation id, and the fields given."""

from __future__ import annotations

import logging
import sys
from collections.abc import MutableMapping
from typing import Any, TextIO

import orjson
import structlog
from structlog.typing import EventDict, Processor

from shared.eventstore.metadata import current_metadata
from shared.observability.redaction import redact

_OWN_FIELDS = frozenset({"timestamp", "level", "service", "logger", "correlation_id", "org_id"})


def get_logger(name: str) -> structlog.stdlib.BoundLogger:
    """The logger of a module: `log = get_logger(__name__)`, then `log.info("run finished", run_id=run_id)`."""
    return structlog.stdlib.get_logger(name)


def configure_logging(level: str = "INFO", *, json: bool = True, stream: TextIO | None = None) -> None:
    """Sends every log of the process, the libraries' included, to `stream` (stderr): JSON, or lines for a terminal."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _add_context,
        _redact,
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    final: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta]
    final += (
        [structlog.processors.EventRenamer("message"), structlog.processors.JSONRenderer(serializer=_dumps)]
        if json
        else [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    )
    handler = logging.StreamHandler(stream or sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processors=final, foreign_pre_chain=shared))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    _quieten_libraries()


def _quieten_libraries() -> None:
    """The request log is ours; what a library says at INFO for every call would drown it."""
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "faststream"):
        library = logging.getLogger(name)
        library.handlers.clear()
        library.propagate = True
    for name in ("uvicorn.access", "eventsourcing", "nats", "faststream", "aiohttp.access", "asyncio", "alembic"):
        logging.getLogger(name).setLevel(logging.WARNING)


def _add_context(_logger: Any, _method: str, event: EventDict) -> EventDict:
    metadata = current_metadata()
    event.setdefault("correlation_id", metadata.correlation_id)
    if metadata.org_id:
        event.setdefault("org_id", metadata.org_id)
    event.setdefault("service", _service_of(str(event.get("logger") or "")))
    return event


def _service_of(logger: str) -> str:
    """`services.projects.application` logs as projects; everything else as the host."""
    parts = logger.split(".")
    return parts[1] if len(parts) > 1 and parts[0] == "services" else "testgen"


def _redact(_logger: Any, _method: str, event: EventDict) -> EventDict:
    for name, value in event.items():
        if name not in _OWN_FIELDS and not name.startswith("_"):
            event[name] = redact(value, name)
    return event


def _dumps(event: MutableMapping[str, Any], **_options: Any) -> str:
    return orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode()
