"""The model of FastAPI's (and Starlette's) applications and routers."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from services.scanner.adapters.python.routing import HTTP_METHODS, Include, Native, Route, argument, keep, method_names
from services.scanner.adapters.python.values import Builtin, ExternalCall, Instance, Unknown, Value, Where

if TYPE_CHECKING:
    from services.scanner.adapters.python.machine import Machine

_APPLICATIONS = ("fastapi.FastAPI", "fastapi.applications.FastAPI", "starlette.applications.Starlette")
_ROUTERS = ("fastapi.APIRouter", "fastapi.routing.APIRouter", "fastapi.routers.APIRouter", "starlette.routing.Router")
_ROUTE_CALLS = frozenset({"fastapi.routing.APIRoute", "starlette.routing.Route"})
_Args = list[Value]
_Kwargs = dict[str, Value]


class FastApiRouter(Native):
    """An `APIRouter`: routes, inclusions, and what it gives to both (tags, dependencies, responses)."""

    def on_init(self, machine: Machine, me: Instance, args: _Args, kwargs: _Kwargs, where: Where) -> Value:
        self.prefix = kwargs.get("prefix", "")
        self.options = {**self.options, **kwargs}
        for item in kwargs.get("routes") or [] if isinstance(kwargs.get("routes"), list | tuple) else []:
            self._add_object(item)

    def on_api_route(self, machine: Machine, me: Instance, args: _Args, kwargs: _Kwargs, where: Where) -> Value:
        def decorate(inner: _Args, _kwargs: _Kwargs, at: Where) -> Value:
            handler = inner[0] if inner else Unknown()
            add = machine.attribute(me, "add_api_route", where)
            machine.call(add, [*args[:1], handler], dict(kwargs), where)
            return handler

        return Builtin("api_route", decorate)

    def on_add_api_route(self, machine: Machine, me: Instance, args: _Args, kwargs: _Kwargs, where: Where) -> Value:
        path, handler = argument(args, kwargs, 0, "path"), argument(args, kwargs, 1, "endpoint", Unknown())
        methods = method_names(kwargs["methods"]) if kwargs.get("methods") is not None else ["GET"]
        if methods is None:
            machine.warn(where, f"route {path!r} is not reported: its methods are not known")
            return
        options = {name: value for name, value in kwargs.items() if name not in {"path", "endpoint", "methods"}}
        self.routes.append(Route(path, methods, handler, options, where))

    def on_add_route(self, machine: Machine, me: Instance, args: _Args, kwargs: _Kwargs, where: Where) -> Value:
        methods = method_names(argument(args, kwargs, 2, "methods") or ["GET"]) or ["GET"]
        handler = argument(args, kwargs, 1, "route", Unknown())
        self.routes.append(Route(argument(args, kwargs, 0, "path"), methods, handler, {"is_plain": True}, where))

    def on_route(self, machine: Machine, me: Instance, args: _Args, kwargs: _Kwargs, where: Where) -> Value:
        def decorate(inner: _Args, _kwargs: _Kwargs, at: Where) -> Value:
            handler = inner[0] if inner else Unknown()
            self.on_add_route(
                machine, me, [*args[:1], handler], {k: v for k, v in kwargs.items() if k != "name"}, where
            )
            return handler

        return Builtin("route", decorate)

    def on_include_router(self, machine: Machine, me: Instance, args: _Args, kwargs: _Kwargs, where: Where) -> Value:
        target = argument(args, kwargs, 0, "router", Unknown())
        options = {name: value for name, value in kwargs.items() if name not in {"router", "prefix"}}
        self.includes.append(Include(target, kwargs.get("prefix", ""), options, where))

    def on_mount(self, machine: Machine, me: Instance, args: _Args, kwargs: _Kwargs, where: Where) -> Value:
        target = argument(args, kwargs, 1, "app", Unknown())
        self.includes.append(Include(target, argument(args, kwargs, 0, "path", ""), {}, where, is_mount=True))

    def other(self, machine: Machine, instance: Instance, name: str) -> Value:
        if name in HTTP_METHODS:
            return Builtin(name, lambda args, kwargs, where: self._method(machine, instance, name, args, kwargs, where))
        if name == "router":
            return instance
        if name == "routes":
            return Unknown("the list of routes")
        if name in self.options:
            return self.options[name]
        return super().other(machine, instance, name)

    def _method(self, machine: Machine, me: Instance, name: str, args: _Args, kwargs: _Kwargs, where: Where) -> Value:
        path = argument(args, kwargs, 0, "path")
        options = {word: value for word, value in kwargs.items() if word != "path"}
        api_route = machine.attribute(me, "api_route", where)
        decorator = machine.call(api_route, [path], {"methods": [name.upper()], **options}, where)
        return (
            decorator if isinstance(decorator, Builtin) or not isinstance(decorator, Unknown) else Builtin(name, keep)
        )

    def _add_object(self, item: Value) -> None:
        """`Route(...)`, `APIRoute(...)` and `Mount(...)` objects of a `routes=` list."""
        if not isinstance(item, ExternalCall):
            return
        path = item.argument(0, "path")
        if item.name in _ROUTE_CALLS:
            methods = method_names(item.kwargs.get("methods") or ["GET"]) or ["GET"]
            options = {**item.kwargs, "is_plain": item.name.startswith("starlette")}
            self.routes.append(Route(path, methods, item.argument(1, "endpoint", Unknown()), options, item.where))
        elif item.name == "starlette.routing.Mount":
            target = item.argument(1, "app")
            if target is None and isinstance(item.kwargs.get("routes"), list):
                target = nested_routes(item.kwargs["routes"], item.where)
            self.includes.append(Include(target, path, {}, item.where, is_mount=True))


class FastApiApplication(FastApiRouter):
    is_application = True


def nested_routes(routes: list[Value], where: Where) -> Instance:
    """The router that `Mount(path, routes=[…])` makes."""
    from services.scanner.adapters.python.values import External

    native = FastApiRouter(where=where)
    for item in routes:
        native._add_object(item)  # noqa: SLF001 - its own class
    return Instance(External("starlette.routing.Router"), native=native, where=where)


NATIVES: dict[str, Callable[[], Any]] = {
    **dict.fromkeys(_APPLICATIONS, FastApiApplication),
    **dict.fromkeys(_ROUTERS, FastApiRouter),
}
