"""The model of Flask's applications, blueprints and class-based views, and of the resource libraries built on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from services.scanner.adapters.python.routing import Include, Native, Route, argument, method_names
from services.scanner.adapters.python.values import (
    Builtin,
    Class,
    ExternalCall,
    Function,
    Instance,
    Unknown,
    Value,
    Where,
)

if TYPE_CHECKING:
    from services.scanner.adapters.python.machine import Machine

_Args = list[Value]
_Kwargs = dict[str, Value]
VIEW_METHODS = ("get", "post", "put", "delete", "patch", "options", "head", "trace")
_METHOD_SHORTCUTS = frozenset({"get", "post", "put", "delete", "patch"})


class FlaskScaffold(Native):
    """What applications and blueprints share."""

    def on_route(self, machine: Machine, me: Instance, args: _Args, kwargs: _Kwargs, where: Where) -> Value:
        rule = argument(args, kwargs, 0, "rule")
        options = {name: value for name, value in kwargs.items() if name not in {"rule", "endpoint"}}

        def decorate(inner: _Args, _kwargs: _Kwargs, at: Where) -> Value:
            handler = inner[0] if inner else Unknown()
            add = machine.attribute(me, "add_url_rule", where)
            machine.call(add, [rule], {"view_func": handler, **options}, where)
            return handler

        return Builtin("route", decorate)

    def on_add_url_rule(self, machine: Machine, me: Instance, args: _Args, kwargs: _Kwargs, where: Where) -> Value:
        rule, view = argument(args, kwargs, 0, "rule"), argument(args, kwargs, 2, "view_func", Unknown())
        given = kwargs.get("methods")
        methods = method_names(given) if given is not None else view_methods(view)
        if methods is None:
            machine.warn(where, f"rule {rule!r} is not reported: its methods are not known")
            return
        options = {name: value for name, value in kwargs.items() if name not in {"rule", "view_func", "methods"}}
        self.routes.append(Route(rule, methods, view, options, where))

    def on_register_blueprint(
        self, machine: Machine, me: Instance, args: _Args, kwargs: _Kwargs, where: Where
    ) -> Value:
        target = argument(args, kwargs, 0, "blueprint", Unknown())
        self.includes.append(Include(target, kwargs.get("url_prefix"), dict(kwargs), where))

    def other(self, machine: Machine, instance: Instance, name: str) -> Value:
        if name in _METHOD_SHORTCUTS:
            return Builtin(
                name,
                lambda args, kwargs, where: self.on_route(
                    machine, instance, args, {**kwargs, "methods": [name.upper()]}, where
                ),
            )
        if name in {"config", "extensions", "view_functions", "jinja_env"}:
            return self.attrs.setdefault(name, {})
        return super().other(machine, instance, name)


class FlaskApplication(FlaskScaffold):
    is_application = True

    def on_init(self, machine: Machine, me: Instance, args: _Args, kwargs: _Kwargs, where: Where) -> Value:
        self.options = dict(kwargs)


class FlaskBlueprint(FlaskScaffold):
    def on_init(self, machine: Machine, me: Instance, args: _Args, kwargs: _Kwargs, where: Where) -> Value:
        self.prefix = kwargs.get("url_prefix")
        self.options = dict(kwargs)

    def assign(self, name: str, value: Value) -> bool:
        return super().assign("prefix" if name == "url_prefix" else name, value)

    def attribute(self, machine: Machine, instance: Instance, name: str) -> Value:
        return self.prefix if name == "url_prefix" else super().attribute(machine, instance, name)


class ResourceApi(FlaskScaffold):
    """`Api` and `Namespace` of Flask-RESTful, Flask-RESTX and flask-smorest: resources are classes."""

    host: Value = None

    def on_init(self, machine: Machine, me: Instance, args: _Args, kwargs: _Kwargs, where: Where) -> Value:
        self.prefix = kwargs.get("prefix", "")
        host = argument(args, kwargs, 0, "app")
        self.on_init_app(machine, me, [host], {}, where)

    def on_init_app(self, machine: Machine, me: Instance, args: _Args, kwargs: _Kwargs, where: Where) -> Value:
        host = argument(args, kwargs, 0, "app")
        if isinstance(host, Instance) and isinstance(host.native, FlaskScaffold) and self.host is not host:
            self.host = host
            host.native.includes.append(Include(me, None, {}, where))

    def on_add_resource(self, machine: Machine, me: Instance, args: _Args, kwargs: _Kwargs, where: Where) -> Value:
        if not args:
            return
        methods = view_methods(args[0])
        for rule in args[1:]:
            self.routes.append(Route(rule, methods or ["GET"], args[0], {}, where))

    def on_resource(self, machine: Machine, me: Instance, args: _Args, kwargs: _Kwargs, where: Where) -> Value:
        def decorate(inner: _Args, _kwargs: _Kwargs, at: Where) -> Value:
            self.on_add_resource(machine, me, [*inner[:1], *args], kwargs, where)
            return inner[0] if inner else Unknown()

        return Builtin("resource", decorate)

    def on_route(self, machine: Machine, me: Instance, args: _Args, kwargs: _Kwargs, where: Where) -> Value:
        return self.on_resource(machine, me, args, kwargs, where)

    def on_add_namespace(self, machine: Machine, me: Instance, args: _Args, kwargs: _Kwargs, where: Where) -> Value:
        target = argument(args, kwargs, 0, "ns", Unknown())
        self.includes.append(Include(target, argument(args, kwargs, 1, "path"), {}, where))

    def on_namespace(self, machine: Machine, me: Instance, args: _Args, kwargs: _Kwargs, where: Where) -> Value:
        from services.scanner.adapters.python.values import External

        namespace = machine.call(External("flask_restx.Namespace"), args, kwargs, where)
        self.includes.append(Include(namespace, None, {}, where))
        return namespace


class ResourceNamespace(ResourceApi):
    def on_init(self, machine: Machine, me: Instance, args: _Args, kwargs: _Kwargs, where: Where) -> Value:
        name = argument(args, kwargs, 0, "name", "")
        self.prefix = kwargs.get("path", f"/{name}" if isinstance(name, str) else Unknown())


class SmorestBlueprint(FlaskBlueprint):
    """flask-smorest's blueprint: `route` also decorates `MethodView` classes."""


def view_methods(view: Value) -> list[str] | None:
    """Methods of a view whose registration names none: those of the class, else GET."""
    if isinstance(view, ExternalCall) and view.name == "flask.as_view":
        view = view.args[0]
    if not isinstance(view, Class):
        return ["GET"]
    declared = _declared_methods(view)
    if declared:
        return declared
    found = [name.upper() for name in VIEW_METHODS if isinstance(class_method(view, name), Function)]
    return found or ["GET"]


def _declared_methods(view: Class) -> list[str]:
    for ancestor in view.mro():
        if isinstance(ancestor, Class) and "methods" in ancestor.scope.names:
            return method_names(ancestor.scope.names["methods"]) or []
    return []


def class_method(view: Class, name: str) -> Value:
    """A method of a class or its ancestors; None where there is none."""
    for ancestor in view.mro():
        if isinstance(ancestor, Class) and name in ancestor.scope.names:
            return ancestor.scope.names[name]
    return None


def as_view(machine: Machine, cls: Class, args: _Args, kwargs: _Kwargs, where: Where) -> Value:
    """`View.as_view("name")`: the view function stands for the class."""
    return ExternalCall("flask.as_view", [cls], {}, where)


NATIVES: dict[str, Callable[[], Any]] = {
    "flask.Flask": FlaskApplication,
    "flask.app.Flask": FlaskApplication,
    "flask.Blueprint": FlaskBlueprint,
    "flask.blueprints.Blueprint": FlaskBlueprint,
    "flask_restful.Api": ResourceApi,
    "flask_restx.Api": ResourceApi,
    "flask_restplus.Api": ResourceApi,
    "flask_restx.Namespace": ResourceNamespace,
    "flask_restplus.Namespace": ResourceNamespace,
    "flask_smorest.Api": ResourceApi,
    "flask_smorest.Blueprint": SmorestBlueprint,
    "apiflask.APIFlask": FlaskApplication,
    "apiflask.APIBlueprint": FlaskBlueprint,
}
CLASS_METHODS = {"as_view": as_view}
