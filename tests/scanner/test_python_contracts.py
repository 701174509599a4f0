"""Contracts read from source are those that FastAPI itself makes of the same program."""

from __future__ import annotations

import importlib.util
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from services.scanner.adapters.openapi.reader import read_openapi
from services.scanner.adapters.python.reader import read_python
from services.scanner.adapters.tree import read_tree
from shared.contracts.scanner import ApiDescription, Operation, Parameter

EXAMPLES = Path(__file__).parents[2] / "examples"
PROGRAM = """
from __future__ import annotations
import enum
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Annotated, Generic, Literal, Optional, TypeVar, Union
from uuid import UUID
from fastapi import APIRouter, Body, Cookie, Depends, FastAPI, Header, Path, Query, Security, status
from fastapi.security import APIKeyHeader, HTTPBearer, OAuth2PasswordBearer
from pydantic import BaseModel, ConfigDict, Field, RootModel
from pydantic.alias_generators import to_camel

T = TypeVar("T")
Positive = Annotated[int, Field(gt=0)]
oauth = OAuth2PasswordBearer(tokenUrl="/token")
bearer = HTTPBearer()
api_key = APIKeyHeader(name="X-Key")

class Color(str, enum.Enum):
    RED = "red"
    BLUE = "blue"

class Base(BaseModel):
    created: datetime
    note: Optional[str] = None

class Leaf(Base):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)
    leaf_name: str = Field(min_length=2, max_length=9, pattern="^a")
    leaf_color: Color = Color.RED
    price_in_cents: Positive

class Tree(BaseModel):
    name: Annotated[str, Field(description="its name")]
    children: list["Tree"] = []
    leaves: dict[str, Leaf] = Field(default_factory=dict)
    kind: Literal["oak", "elm"] = "oak"
    size: Union[int, str]
    born: date | None = None
    weight: Decimal = Decimal("1.5")
    tags: set[str] = set()
    pair: tuple[int, str] = (1, "a")
    strict: "Strict"

class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")
    id: UUID
    by: str = Field(alias="createdBy")

class Page(BaseModel, Generic[T]):
    items: list[T]
    total: int = Field(ge=0)

class Names(RootModel[list[str]]):
    pass

@dataclass
class Point:
    x: float
    y: float = 0.0

class Paging:
    def __init__(self, page: int = Query(1, ge=1), size: Annotated[int, Query(le=100)] = 20): ...

class Filters(BaseModel):
    q: str | None = None
    depth: int = Field(3, le=5)

def user(token: str = Depends(oauth)) -> str: ...
def admin(name: Annotated[str, Security(user, scopes=["admin"])], x_trace: Annotated[str | None, Header()] = None): ...

app = FastAPI(title="Trees", version="3")
router = APIRouter(prefix="/trees", tags=["trees"])

@router.get("/{tree_id}", response_model=Tree, responses={404: {"model": Strict, "description": "gone"}})
def one(tree_id: Annotated[int, Path(ge=1)], color: Color, verbose: bool = False): ...

@router.get("")
def many(paging: Annotated[Paging, Depends()], tags: Annotated[list[str], Query(alias="tag")] = []) -> Page[Tree]: ...

@router.post("", status_code=status.HTTP_201_CREATED, dependencies=[Depends(admin)])
def add(tree: Tree, session: Annotated[str, Cookie()]) -> Leaf: ...

@router.put("/{tree_id}/leaves/{leaf_id}")
async def two_bodies(tree_id: int, leaf_id: UUID, leaf: Leaf, weight: Annotated[float, Body(gt=0)]) -> Names: ...

@router.patch("/{tree_id}", deprecated=True, operation_id="patch_tree", summary="Patch it", tags=["more"])
def embedded(tree_id: str, strict: Strict = Body(embed=True)) -> list[Point]: ...

@router.delete("/{tree_id}", status_code=204)
def remove(tree_id: int, key: str = Security(api_key)): ...

@router.get("/search/by")
def search(filters: Annotated[Filters, Query()]) -> dict[str, int]: ...

@router.post("/optional")
def optional(names: Names | None = None, token: Annotated[object, Depends(bearer)] = None) -> Color: ...

app.include_router(router, prefix="/api")
"""


def from_fastapi(folder: Path, name: str) -> ApiDescription:
    """What FastAPI makes of the program, read as a document."""
    spec = importlib.util.spec_from_file_location(name, folder / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
        return read_openapi(json.dumps(module.app.openapi()).encode(), "own")
    finally:
        del sys.modules[name]


NOISE = {"title", "description", "examples", "default", "const", "uniqueItems", "contentMediaType"}


def plain(schema: Any, root: dict[str, Any], depth: int = 4) -> Any:
    """A schema without names and notes, references followed to a depth."""
    if isinstance(schema, list):
        return [plain(item, root, depth) for item in schema]
    if not isinstance(schema, dict):
        return float(schema) if isinstance(schema, int) and not isinstance(schema, bool) else schema
    if "$ref" in schema:
        name = schema["$ref"].rsplit("/", 1)[-1]
        return plain(root["$defs"][name], root, depth - 1) if depth else "…"
    if "const" in schema:
        schema = {**schema, "enum": [schema["const"]]}
    kept = {key: value for key, value in schema.items() if key not in NOISE and key != "$defs"}
    if "properties" in kept:
        properties = {name: plain(value, root, depth) for name, value in kept.pop("properties").items()}
        return {**{key: plain(value, root, depth) for key, value in kept.items()}, "properties": properties}
    return {key: plain(value, root, depth) for key, value in kept.items()}


def parameter(item: Parameter) -> Any:
    return item.required, plain(item.json_schema, item.json_schema)


def shape(operation: Operation) -> dict[str, Any]:
    """What must agree; response schemas differ in `required`, since FastAPI's describe the output."""
    body = operation.request_body
    return {
        "parameters": {(item.location, item.name): parameter(item) for item in operation.parameters},
        "body": None if body is None else {media: plain(schema, schema) for media, schema in body.content.items()},
        "body required": body is not None and body.required,
        "answers": {code for code in operation.responses if code.startswith("2")},
        "tags": operation.tags,
        "deprecated": operation.deprecated,
        "security": sorted(name for item in operation.security for name in item),
    }


@pytest.mark.req("TG-6")
def test_contracts_are_those_that_fastapi_makes(tmp_path: Path) -> None:
    (tmp_path / "trees_program.py").write_text(PROGRAM)
    theirs = from_fastapi(tmp_path, "trees_program")
    ours = read_python(read_tree(tmp_path, frozenset({".py"})))
    assert (ours.title, ours.version, ours.warnings) == ("Trees", "3", ())
    by_key = {(item.method, item.path): item for item in ours.operations}
    assert set(by_key) == {(item.method, item.path) for item in theirs.operations}
    for operation in theirs.operations:
        own = by_key[operation.method, operation.path]
        assert shape(own) == shape(operation), (operation.method, operation.path)
        assert own.warnings == ()
    assert ours.security_schemes == theirs.security_schemes


@pytest.mark.req("TG-6")
def test_the_sample_api_is_read_as_it_describes_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(EXAMPLES))
    monkeypatch.setenv("LIBRARY_SECRET", "only-for-tests")
    from library_api.main import app  # type: ignore[import-not-found]

    theirs = read_openapi(json.dumps(app.openapi()).encode(), "own")
    ours = {
        (o.method, o.path): o for o in read_python(read_tree(EXAMPLES / "library_api", frozenset({".py"}))).operations
    }
    assert {key: shape(operation) for key, operation in ours.items()} == {
        (operation.method, operation.path): shape(operation) for operation in theirs.operations
    }
