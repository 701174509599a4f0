"""Random FastAPI and Flask programs with the route table that they serve: the many ways to write the same thing."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from hypothesis import strategies as st

from services.scanner.adapters.python.reader import read_python
from services.scanner.adapters.tree import read_tree
from shared.contracts.scanner import ApiDescription, Operation

WORDS = ["users", "orders", "items", "reports", "files", "teams", "v1", "search-all", "me", "tags"]
METHODS = ["get", "post", "put", "patch", "delete"]
FASTAPI_TYPES = {"int": "integer", "str": "string", "float": "number", "bool": "boolean"}
FLASK_CONVERTERS = {"int": "integer", "string": "string", "float": "number", "path": "string"}
PREFIX_STYLES = ["literal", "constant", "f-string", "concatenation", "settings", "environment"]
ROUTER_STYLES = ["plain", "factory", "subclass", "reexport", "loop"]
ROUTE_STYLES = ["decorator", "api_route", "add_api_route", "table"]
FLASK_ROUTE_STYLES = ["decorator", "methods", "add_url_rule", "view", "shortcut"]

SETTINGS = """from functools import lru_cache
from pydantic_settings import BaseSettings
class Settings(BaseSettings):
    prefix: str = {}
@lru_cache
def get_settings():
    return Settings()"""


@dataclass(frozen=True)
class RouteCase:
    method: str
    words: tuple[str, ...]
    parameter: tuple[str, str] | None
    style: str

    def name(self, index: int) -> str:
        return f"{self.method}_{index}"


@dataclass(frozen=True)
class RouterCase:
    prefix: tuple[str, ...]
    prefix_style: str
    style: str
    routes: tuple[RouteCase, ...]
    children: tuple[RouterCase, ...] = ()


@dataclass
class Program:
    files: dict[str, str] = field(default_factory=dict)
    expected: dict[tuple[str, str], dict[str, str]] = field(default_factory=dict)
    """(method, path) → path parameter → JSON type."""


def _routes(types: dict[str, str], styles: list[str]) -> st.SearchStrategy[tuple[RouteCase, ...]]:
    parameter = st.none() | st.tuples(st.sampled_from(["id", "name", "item_key"]), st.sampled_from(sorted(types)))
    one = st.builds(
        RouteCase,
        st.sampled_from(METHODS),
        st.lists(st.sampled_from(WORDS), min_size=1, max_size=2).map(tuple),
        parameter,
        st.sampled_from(styles),
    )
    return st.lists(one, min_size=1, max_size=4, unique_by=lambda case: (case.method, case.words)).map(tuple)


def routers(types: dict[str, str], route_styles: list[str], router_styles: list[str]) -> st.SearchStrategy[RouterCase]:
    """Trees of routers, up to three deep."""

    def level(children: st.SearchStrategy[tuple[RouterCase, ...]]) -> st.SearchStrategy[RouterCase]:
        return st.builds(
            RouterCase,
            st.lists(st.sampled_from(WORDS), min_size=1, max_size=2).map(tuple),
            st.sampled_from(PREFIX_STYLES),
            st.sampled_from(router_styles),
            _routes(types, route_styles),
            children,
        )

    leaf = level(st.just(()))
    middle = level(st.lists(leaf, max_size=2).map(tuple))
    return level(st.lists(middle, max_size=2).map(tuple))


def prefix_code(case: RouterCase) -> tuple[str, str]:
    """(statements, expression) that give the prefix."""
    text = "/" + "/".join(case.prefix)
    if case.prefix_style == "constant":
        return f"PREFIX = {text!r}", "PREFIX"
    if case.prefix_style == "f-string":
        return f"PART = {text[1:]!r}", 'f"/{PART}"'
    if case.prefix_style == "concatenation":
        return f"PART = {text[1:]!r}", '"/" + PART'
    if case.prefix_style == "settings":
        return SETTINGS.format(repr(text)), "get_settings().prefix"
    if case.prefix_style == "environment":
        return "import os", f'os.getenv("SOME_PREFIX", {text!r})'
    return "", repr(text)


def scanned(folder: Path, program: Program) -> ApiDescription:
    """Writes the program and scans it."""
    for name, source in program.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    return read_python(read_tree(folder, frozenset({".py"})))


def table(found: ApiDescription) -> dict[tuple[str, str], dict[str, str]]:
    return {(operation.method, operation.path): path_types(operation) for operation in found.operations}


def path_types(operation: Operation) -> dict[str, str]:
    return {item.name: item.json_schema.get("type", "") for item in operation.parameters if item.location == "path"}
