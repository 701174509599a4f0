"""Values, JSON paths and schemas of a test, rewritten along a `ShapeChange`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from services.healer.domain import jsonpaths
from services.healer.domain.log import Place
from services.healer.domain.schemas import Schema
from services.healer.domain.shapes import ITEMS, Addition, FieldChange, ShapeChange
from services.healer.domain.values import NoValue, adapt, is_template, sample


def rewrite_value(value: Any, shape: ShapeChange | None, place: Place, *, complete: bool = True) -> Any:
    """The value with the names and types of the new contract. `complete`: newly required fields are added."""
    if shape is None:
        return value
    if shape.replaced and isinstance(value, dict | list):
        place.undecided("it is of another kind now")
        return value
    if isinstance(value, list):
        return [rewrite_value(item, shape.children.get(ITEMS), place, complete=complete) for item in value]
    return _rewrite_members(value, shape, place, complete) if isinstance(value, dict) else value


def _rewrite_members(value: dict[str, Any], shape: ShapeChange, place: Place, complete: bool) -> dict[str, Any]:
    written: dict[str, Any] = {}
    for name, item in value.items():
        if name in shape.removed:
            place.removed(name)
            continue
        if name in shape.unclear:
            place.unclear(name, shape.unclear[name])
        rename = shape.renamed.get(name)
        if rename is not None:
            place.renamed(name, rename.new, rename.confidence)
        written[rename.new if rename else name] = _rewrite_member(name, item, shape, place, complete)
    if complete and value:
        for name, addition in shape.added.items():
            if addition.required and name not in written:
                _add(written, name, addition, place)
    return written


def _rewrite_member(name: str, item: Any, shape: ShapeChange, place: Place, complete: bool) -> Any:
    change = shape.changed.get(name)
    if change is None:
        return rewrite_value(item, shape.children.get(name), place, complete=complete)
    return _adapted(name, item, change, place)


def _adapted(name: str, item: Any, change: FieldChange, place: Place) -> Any:
    try:
        adapted = adapt(item, change.old, change.new)
    except NoValue as missing:
        place.undecided(f"the schema of `{name}` changed, and {missing}")
        return item
    if adapted != item or type(adapted) is not type(item):
        place.adapted(name, item, adapted)
    return adapted


def _add(written: dict[str, Any], name: str, addition: Addition, place: Place) -> None:
    try:
        value, confidence = sample(addition.schema, addition.root)
    except NoValue as missing:
        place.undecided(f"`{name}` is required now, and {missing}")
        return
    written[name] = value
    place.added(name, value, confidence)


@dataclass(frozen=True)
class PathRewrite:
    """A JSON path under the new contract. `lost`: its place is gone or unclear; `at`, `field`: what changed there."""

    path: str
    lost: bool = False
    at: ShapeChange | None = None
    field: FieldChange | None = None
    name: str = ""


def rewrite_path(path: str, shape: ShapeChange, place: Place) -> PathRewrite:
    """The path to the same place. Paths with filters or descendants are left as they are."""
    segments = jsonpaths.parse(path)
    if segments is None:
        return PathRewrite(path)
    at: ShapeChange | None = shape
    result = PathRewrite(path)
    written: list[jsonpaths.Segment] = []
    for segment in segments:
        if at is None:
            written.append(segment)
            result = replace(result, field=None)
            continue
        if at.replaced or (segment.name is not None and segment.name in at.unclear):
            _tell_unclear(at, segment, place)
            return PathRewrite(path, lost=True)
        if segment.name is not None and segment.name in at.removed:
            return PathRewrite(path, lost=True, name=segment.name)
        written.append(_renamed(segment, at, place))
        key = ITEMS if segment.name is None else segment.name
        result = replace(result, field=at.changed.get(key), name=segment.name or "")
        at = at.children.get(key)
    return replace(result, path=jsonpaths.render(tuple(written)), at=at)


def _renamed(segment: jsonpaths.Segment, at: ShapeChange, place: Place) -> jsonpaths.Segment:
    rename = at.renamed.get(segment.name) if segment.name is not None else None
    if rename is None or segment.name is None:
        return segment
    place.renamed(segment.name, rename.new, rename.confidence)
    return jsonpaths.member(rename.new)


def _tell_unclear(at: ShapeChange, segment: jsonpaths.Segment, place: Place) -> None:
    if segment.name is not None and segment.name in at.unclear:
        place.unclear(segment.name, at.unclear[segment.name])
    else:
        place.undecided("it is of another kind now")


def rewrite_expected(value: Any, rewritten: PathRewrite, place: Place) -> Any:
    """The expected value of an assertion on that path."""
    if is_template(value):
        return value
    if rewritten.field is not None:
        return _adapted(rewritten.name, value, rewritten.field, place)
    return rewrite_value(value, rewritten.at, place, complete=False)


def rewrite_schema(schema: Schema, shape: ShapeChange | None, place: Place) -> Schema:
    """A schema that a test wrote itself, with the new names. References inside it are left alone."""
    if shape is None or not isinstance(schema, dict):
        return schema
    written = dict(schema)
    if isinstance(schema.get("properties"), dict):
        written["properties"] = {}
        for name, part in schema["properties"].items():
            if name in shape.removed:
                place.removed(name)
                continue
            rename = shape.renamed.get(name)
            if rename is not None:
                place.renamed(name, rename.new, rename.confidence)
            key = rename.new if rename else name
            written["properties"][key] = rewrite_schema(part, shape.children.get(name), place)
    if isinstance(schema.get("required"), list):
        kept = [name for name in schema["required"] if name not in shape.removed]
        written["required"] = [shape.renamed[name].new if name in shape.renamed else name for name in kept]
    if "items" in schema:
        written["items"] = rewrite_schema(schema["items"], shape.children.get(ITEMS), place)
    return written
