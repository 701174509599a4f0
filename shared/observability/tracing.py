"""OpenTelemetry traces: exported by OTLP over HTTP when an endpoint is configured, otherwise only passed on."""

from __future__ import annotations

import aiohttp
from fastapi import FastAPI
from opentelemetry import trace
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.instrumentation.aiohttp_client import create_trace_config
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

_PROBES = "/health/.*,/metrics"


class _Tracing:
    """The exporter of this process, shared by its services; one provider a service, since the name is in it."""

    def __init__(self, endpoint: str) -> None:
        self._endpoint = endpoint
        self._providers: dict[str, TracerProvider] = {}

    def provider(self, service: str) -> TracerProvider:
        if service not in self._providers:
            provider = TracerProvider(resource=Resource.create({"service.name": f"testgen-{service}"}))
            exporter = OTLPSpanExporter(endpoint=f"{self._endpoint.rstrip('/')}/v1/traces")
            provider.add_span_processor(BatchSpanProcessor(exporter))
            self._providers[service] = provider
        return self._providers[service]

    def shutdown(self) -> None:
        for provider in self._providers.values():
            provider.shutdown()


class _Process:
    """Tracing is a matter of the whole process, as OpenTelemetry's own API has it."""

    active: _Tracing | None = None


def start_tracing(endpoint: str) -> None:
    """Begins tracing when `endpoint` (`TESTGEN_OTLP_ENDPOINT`, e.g. `http://collector:4318`) is not empty.

    Call it before the applications are built.
    """
    _Process.active = _Tracing(endpoint) if endpoint else None
    if _Process.active is not None:
        trace.set_tracer_provider(_Process.active.provider("host"))


def stop_tracing() -> None:
    """Sends what is left and stops."""
    if _Process.active is not None:
        _Process.active.shutdown()
    _Process.active = None


def instrument_app(app: FastAPI, service: str) -> None:
    """Spans for the requests of a service, if tracing is on."""
    if _Process.active is not None:
        FastAPIInstrumentor.instrument_app(
            app, tracer_provider=_Process.active.provider(service), excluded_urls=_PROBES
        )


def client_trace_configs(service: str = "client") -> list[aiohttp.TraceConfig]:
    """What an aiohttp session needs for spans of its requests and for their `traceparent` header."""
    return (
        [create_trace_config(tracer_provider=_Process.active.provider(service))] if _Process.active is not None else []
    )


def traceparent() -> str | None:
    """The W3C trace context of this moment, for NATS headers and event metadata; None where there is no span."""
    carrier: dict[str, str] = {}
    if trace.get_current_span().get_span_context().is_valid:
        TraceContextTextMapPropagator().inject(carrier)
    return carrier.get("traceparent")
