"""Random Flask programs."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.scanner.programs import (
    FLASK_CONVERTERS,
    FLASK_ROUTE_STYLES,
    Program,
    RouteCase,
    RouterCase,
    prefix_code,
    routers,
)

STYLES = ["plain", "reexport", "register", "attribute"]


def flask_programs() -> st.SearchStrategy[Program]:
    """Programs of a package `site` with a module for each blueprint."""
    cases = st.lists(routers(FLASK_CONVERTERS, FLASK_ROUTE_STYLES, STYLES), min_size=1, max_size=2)
    return st.builds(_program, cases, st.booleans())


def _program(cases: list[RouterCase], is_factory: bool) -> Program:
    program = Program({"shop/__init__.py": ""})
    lines = ["from flask import Flask"]
    includes: list[str] = []
    for number, case in enumerate(cases):
        name = f"b{number}"
        _blueprint(program, case, name, "")
        lines.append(
            f"from shop import {name}" if case.style == "attribute" else f"from shop.{name} import bp as {name}_bp"
        )
        target = f"{name}.bp" if case.style == "attribute" else f"{name}_bp"
        includes += _registration("app", target, case, lines)
    if is_factory:
        lines += [
            "def create_app(config=None):",
            "    app = Flask(__name__)",
            "    if config:",
            "        app.config.update(config)",
        ]
        lines += [*(f"    {line}" for line in includes), "    return app"]
    else:
        lines += ["app = Flask(__name__)", *includes]
    program.files["shop/wsgi.py"] = "\n".join(lines) + "\n"
    return program


def _registration(parent: str, target: str, case: RouterCase, lines: list[str]) -> list[str]:
    if case.style != "register":
        return [f"{parent}.register_blueprint({target})"]
    statements, expression = prefix_code(case)
    lines.append(statements)
    name = f"prefix_{target.replace('.', '_')}"
    lines.append(f"{name} = {expression}")
    return [f"{parent}.register_blueprint({target}, url_prefix={name})"]


def _blueprint(program: Program, case: RouterCase, name: str, prefix: str) -> None:
    statements, expression = prefix_code(case)
    full = f"{prefix}/{'/'.join(case.prefix)}"
    own = "" if case.style == "register" else f", url_prefix={expression}"
    lines = ["from flask import Blueprint, request", "from flask.views import MethodView", statements]
    lines.append(f"bp = Blueprint({name!r}, __name__{own})")
    for index, route in enumerate(case.routes):
        lines += _route(route, index)
        types = {route.parameter[0]: FLASK_CONVERTERS[route.parameter[1]]} if route.parameter else {}
        shown = "/" + "/".join(route.words) + (f"/{{{route.parameter[0]}}}" if route.parameter else "")
        program.expected.setdefault((route.method.upper(), full + shown), types)
    for index, child_case in enumerate(case.children):
        child = f"{name}_{index}"
        _blueprint(program, child_case, child, full)
        lines.append(f"from shop.{child} import bp as {child}_bp")
        lines += _registration("bp", f"{child}_bp", child_case, lines)
    if case.style == "reexport":
        program.files[f"shop/{name}/__init__.py"] = f"from shop.{name}.views import *\n"
        program.files[f"shop/{name}/views.py"] = "\n".join(lines) + "\n"
    else:
        program.files[f"shop/{name}.py"] = "\n".join(lines) + "\n"


def _route(route: RouteCase, index: int) -> list[str]:
    name = route.name(index)
    rule = "/" + "/".join(route.words)
    argument = ""
    if route.parameter:
        argument, converter = route.parameter
        rule += f"/<{argument}>" if converter == "string" else f"/<{converter}:{argument}>"
    body = [f"def {name}({argument}):", "    return {}"]
    method = route.method.upper()
    if route.style == "shortcut":
        return [f"@bp.{route.method}({rule!r})", *body]
    if route.style == "add_url_rule":
        return [*body, f"bp.add_url_rule({rule!r}, {name!r}, {name}, methods=({method!r},))"]
    if route.style == "view":
        given = ", ".join(["self", *([argument] if argument else [])])
        view = [f"class View{index}(MethodView):", f"    def {route.method}({given}):", "        return {}"]
        return [*view, f"bp.add_url_rule({rule!r}, view_func=View{index}.as_view({name!r}))"]
    methods = f"[{method!r}]" if route.style == "methods" or route.method != "get" else "None"
    return [f"@bp.route({rule!r}{'' if methods == 'None' else f', methods={methods}'})", *body]
