"""Random FastAPI programs."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.scanner.programs import (
    FASTAPI_TYPES,
    ROUTE_STYLES,
    ROUTER_STYLES,
    Program,
    RouteCase,
    RouterCase,
    prefix_code,
    routers,
)


def fastapi_programs() -> st.SearchStrategy[Program]:
    """Programs of a package `app` with a module for each router."""
    cases = st.lists(routers(FASTAPI_TYPES, ROUTE_STYLES, ROUTER_STYLES), min_size=1, max_size=2)
    return st.builds(_program, cases, st.booleans())


def _program(cases: list[RouterCase], is_factory: bool) -> Program:
    program = Program({"app/__init__.py": "", "app/base.py": _BASE})
    lines = ["from fastapi import FastAPI"]
    includes: list[str] = []
    for number, case in enumerate(cases):
        name = f"r{number}"
        _router(program, case, name, "")
        lines.append(f"from app.{name} import router as {name}")
        includes.append(f"app.include_router({name})")
    if is_factory:
        lines += ["def create_app():", "    app = FastAPI()", *(f"    {line}" for line in includes), "    return app"]
    else:
        lines += ["app = FastAPI()", *includes]
    program.files["app/main.py"] = "\n".join(lines) + "\n"
    return program


_BASE = """from fastapi import APIRouter
class BaseRouter(APIRouter):
    def __init__(self, *args, **kwargs):
        kwargs.setdefault("tags", ["x"])
        super().__init__(*args, **kwargs)

    def add_api_route(self, path, endpoint, **kwargs):
        super().add_api_route(path, endpoint, **kwargs)
"""


def _router(program: Program, case: RouterCase, name: str, prefix: str) -> None:
    statements, expression = prefix_code(case)
    full = f"{prefix}/{'/'.join(case.prefix)}"
    lines = ["from fastapi import APIRouter", "from app.base import BaseRouter", statements]
    maker = "BaseRouter" if case.style == "subclass" else "APIRouter"
    given_here = case.style != "loop"
    lines.append(f"router = {maker}({f'prefix={expression}' if given_here else ''})")
    for index, route in enumerate(case.routes):
        lines += _route(route, index)
        shown = _path(route)
        types = {route.parameter[0]: FASTAPI_TYPES[route.parameter[1]]} if route.parameter else {}
        program.expected.setdefault((route.method.upper(), full + shown), types)
    children = [f"{name}_{index}" for index in range(len(case.children))]
    for child, child_case in zip(children, case.children, strict=True):
        _router(program, child_case, child, full)
        lines.append(f"from app.{child} import router as {child}")
    lines += [f"for child in [{', '.join(children)}]:", "    router.include_router(child)"] if children else []
    if not given_here:
        lines += ["inner = router", "router = APIRouter()", f"for target, prefix in [(inner, {expression})]:"]
        lines += ["    router.include_router(target, prefix=prefix)"]
    if case.style == "factory":
        body = "\n".join(f"    {line}" for text in lines for line in text.split("\n"))
        program.files[f"app/{name}.py"] = f"def build():\n{body}\n    return router\nrouter = build()\n"
    elif case.style == "reexport":
        program.files[f"app/{name}/__init__.py"] = "from .impl import router\n__all__ = ['router']\n"
        program.files[f"app/{name}/impl.py"] = "\n".join(lines) + "\n"
    else:
        program.files[f"app/{name}.py"] = "\n".join(lines) + "\n"


def _path(route: RouteCase) -> str:
    tail = f"/{{{route.parameter[0]}}}" if route.parameter else ""
    return f"/{'/'.join(route.words)}{tail}"


def _route(route: RouteCase, index: int) -> list[str]:
    name, path = route.name(index), _path(route)
    signature = f"{route.parameter[0]}: {route.parameter[1]}" if route.parameter else ""
    body = [f"def {name}({signature}):", "    return None"]
    if route.style == "decorator":
        return [f"@router.{route.method}({path!r})", *body]
    if route.style == "api_route":
        return [f"@router.api_route({path!r}, methods=[{route.method.upper()!r}])", *body]
    if route.style == "add_api_route":
        return [*body, f"router.add_api_route({path!r}, {name}, methods=[{route.method.upper()!r}])"]
    table = f"[({path!r}, {name}, {route.method.upper()!r})]"
    return [*body, f"for p, h, m in {table}:", "    router.add_api_route(p, h, methods=[m])"]
