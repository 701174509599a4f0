"""What a service hands to the host, and how the host finds services."""

from __future__ import annotations

import importlib
import importlib.util
import pkgutil
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import cast

from fastapi import FastAPI

from shared.hosting.infra import Infra
from shared.settings import InfraSettings

Step = Callable[[], Awaitable[None]]
Build = Callable[[InfraSettings, Infra], "Module"]
_EDGE = "gateway"
"""Served last and stopped first: it takes the requests of the world to the others."""


@dataclass(frozen=True)
class Module:
    """One service, wired. Subscriptions, relays and work queues are registered with `infra.messaging` in `build`."""

    name: str
    app: FastAPI
    start: Sequence[Step] = ()
    """Run in order before messaging starts and before the first request."""
    stop: Sequence[Step] = ()
    """Run in reverse order after the last request."""
    background: Sequence[Step] = ()
    """Run until the process stops; one that ends or raises stops the process."""


def service_names() -> list[str]:
    """All services that can be hosted: the packages of `services` with a `module.py`; the edge comes last."""
    services = importlib.import_module("services")
    found = [
        package.name
        for package in pkgutil.iter_modules(services.__path__)
        if package.ispkg and importlib.util.find_spec(f"services.{package.name}.module") is not None
    ]
    return sorted(found, key=lambda name: (name == _EDGE, name))


def builder(service: str) -> Build:
    """The `build` of a service."""
    return cast(Build, importlib.import_module(f"services.{service}.module").build)
