"""Puts full paths together: walks from the applications through everything that they include."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from services.scanner.adapters.python.flask_model import FlaskBlueprint, FlaskScaffold, ResourceApi
from services.scanner.adapters.python.machine import Machine
from services.scanner.adapters.python.routing import Include, Native, Route
from services.scanner.adapters.python.values import ExternalCall, Function, Instance, Unknown, Value, external_name

MAX_NESTING = 20
_NO_ENDPOINTS = ("StaticFiles", "StaticFilesMiddleware", "make_asgi_app", "Frontend")


@dataclass(eq=False)
class PlacedRoute:
    """A route under its full path, with the options of all that includes it, outermost first."""

    route: Route
    path: str
    chain: list[dict[str, Value]]
    owner: Native
    warning: str = ""

    @property
    def is_flask(self) -> bool:
        return isinstance(self.owner, FlaskScaffold)


def place_routes(machine: Machine) -> list[PlacedRoute]:
    """All routes of all applications; those of routers that nothing includes only where no inclusion is in doubt."""
    natives = [instance for instance in machine.instances if isinstance(instance.native, Native)]
    targets = {
        id(found)
        for item in natives
        for include in item.native.includes
        if (found := unwrap(include.target)) is not None
    }
    placed: list[PlacedRoute] = []
    seen: set[int] = set()
    for instance in natives:
        if instance.native.is_application and id(instance) not in targets:
            placed.extend(_walk(machine, instance, "", [], seen, 0))
    lost = _has_doubtful_include(natives) or not any(instance.native.is_application for instance in natives)
    for instance in natives:
        if id(instance) not in seen and id(instance) not in targets:
            placed.extend(_orphan(machine, instance, seen, is_reported=lost))
    return placed


def _orphan(machine: Machine, instance: Instance, seen: set[int], *, is_reported: bool) -> Iterator[PlacedRoute]:
    native: Native = instance.native
    if not native.routes and not native.includes:
        return
    where = native.where or (native.routes[0].where if native.routes else native.includes[0].where)
    if not is_reported:
        machine.warn(
            where,
            f"a router with {len(native.routes)} routes is not included in any application; they are not reported",
        )
        return
    machine.warn(where, "this router is not included in any application that was found; a prefix may be missing")
    for item in _walk(machine, instance, "", [], seen, 0):
        item.warning = "the application that includes this route was not found; a prefix may be missing"
        yield item


def _has_doubtful_include(natives: list[Instance]) -> bool:
    return any(
        unwrap(item.target) is None and not _is_static(item.target) for one in natives for item in one.native.includes
    )


def unwrap(target: Value) -> Instance | None:
    """The router or application behind an inclusion, through wrappers such as `WSGIMiddleware(app)`."""
    for _ in range(5):
        if isinstance(target, Instance) and isinstance(target.native, Native):
            return target
        if isinstance(target, ExternalCall) and target.args:
            target = target.args[0]
        elif isinstance(target, ExternalCall) and "app" in target.kwargs:
            target = target.kwargs["app"]
        else:
            return None
    return None


def _is_static(target: Value) -> bool:
    return external_name(target).rsplit(".", 1)[-1] in _NO_ENDPOINTS


def _walk(
    machine: Machine, instance: Instance, prefix: str, chain: list[dict[str, Value]], seen: set[int], depth: int
) -> Iterator[PlacedRoute]:
    seen.add(id(instance))
    native: Native = instance.native
    inner = [*chain, native.options]
    for route in native.routes:
        if not isinstance(route.path, str):
            machine.warn(route.where, f"a route is not reported: its path is not known ({_reason(route.path)})")
            continue
        yield PlacedRoute(route, _join(native, prefix, route.path), inner, native)
    for include in native.includes:
        yield from _included(machine, native, include, prefix, inner, seen, depth)


def _included(
    machine: Machine,
    native: Native,
    include: Include,
    prefix: str,
    chain: list[dict[str, Value]],
    seen: set[int],
    depth: int,
) -> Iterator[PlacedRoute]:
    target = unwrap(include.target)
    if target is None:
        if isinstance(include.target, Function):
            machine.warn(include.where, "a bare ASGI application is mounted here; what it serves is not known")
        elif not _is_static(include.target):
            machine.warn(
                include.where, f"what is included here is not known, its routes are missing ({_reason(include.target)})"
            )
        return
    if depth > MAX_NESTING:
        machine.warn(include.where, "routers include each other")
        return
    full = _prefix(native, target.native, include, prefix)
    if full is None:
        machine.warn(
            include.where, f"the prefix is not known, the routes under it are not reported ({_reason(include.prefix)})"
        )
        seen.add(id(target))
        return
    options = [] if include.is_mount else [*chain, include.options]
    yield from _walk(machine, target, full, options, seen, depth + 1)


def _prefix(native: Native, target: Native, include: Include, prefix: str) -> str | None:
    """The path before the routes of the included router."""
    if isinstance(native, FlaskScaffold) and isinstance(target, FlaskBlueprint | ResourceApi):
        own = target.prefix if include.prefix is None else include.prefix
        if own is None or own == "":
            return prefix
        return _slashed(prefix, own) if isinstance(own, str) else None
    given, own = include.prefix, "" if include.is_mount else target.prefix
    given, own = "" if given is None else given, "" if own is None else own
    if not isinstance(given, str) or not isinstance(own, str):
        return None
    return prefix + given.rstrip("/") if include.is_mount else prefix + given + own


def _join(native: Native, prefix: str, path: str) -> str:
    if isinstance(native, FlaskScaffold):
        return _slashed(prefix, path) if path else (prefix or "/")
    return (prefix + path) or "/"


def _slashed(prefix: str, path: str) -> str:
    return f"{prefix.rstrip('/')}/{path.lstrip('/')}"


def _reason(value: Value) -> str:
    if isinstance(value, Unknown):
        return value.reason
    return external_name(value) or type(value).__name__
