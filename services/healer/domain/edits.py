"""Rewrites one step of a test for the contract of its operation as it is now."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from services.healer.domain.answers import edit_answers
from services.healer.domain.log import REQUEST, EditLog, Place
from services.healer.domain.operations import Moves, OperationChange, body_type, compare_bodies
from services.healer.domain.rewriting import rewrite_value
from services.healer.domain.schemas import Schema, resolve
from services.healer.domain.statuses import edit_statuses, expects_refusal, expects_success
from services.healer.domain.values import NoValue, adapt, sample
from shared.contracts.scanner import Operation, Parameter
from shared.contracts.testcase import OperationRef, RequestTemplate, Step

_SURE = 0.9
"""A value for a new part of a path must be named by the contract: one made up would name nothing that exists."""


def edit_step(step: Step, moves: Moves) -> tuple[Step, EditLog]:
    """The step against the contract as it is now, and what was edited for which reason.

    Scan by scan first: two fields that moved in two scans are clear there, and not from the first to the last.
    """
    edited, log = _along(step, moves.each)
    if log.problems and len(moves.each) > 1:
        at_once, whole = _along(step, (moves.whole,))
        if not whole.problems:
            edited, log = at_once, whole
    if edited.model_copy(update={"operation": step.operation}) == step:
        log.changes.clear()  # it moved there and back
        log.touched.clear()
    return edited, log


def _along(step: Step, changes: Sequence[OperationChange]) -> tuple[Step, EditLog]:
    log = EditLog(changes[-1].endpoint_id, changes[-1].revision)
    for change in changes:
        step, more = _edit(step, change)
        log.join(more)
    return step, log


def _edit(step: Step, change: OperationChange) -> tuple[Step, EditLog]:
    log = EditLog(change.endpoint_id, change.revision)
    request = _edit_path(step.request, change, log)
    request = _edit_parameters(request, change, log)
    request = _edit_body(request, change, log)
    request = _edit_auth(step, request, change, log)
    assertions = edit_statuses(step.assertions, change, log)
    extract, assertions = edit_answers(step, assertions, change, log)
    reference = OperationRef(
        endpoint_id=change.endpoint_id, revision=change.revision, method=change.new.method, path=change.new.path
    )
    update = {"request": request, "assertions": assertions, "extract": extract, "operation": reference}
    return step.model_copy(update=update), log


def label(operation: Operation) -> str:
    return f"{operation.method.upper()} {operation.path}"


def _edit_path(request: RequestTemplate, change: OperationChange, log: EditLog) -> RequestTemplate:
    old, new = change.old, change.new
    update: dict[str, Any] = {}
    if request.method.upper() == old.method.upper() != new.method.upper():
        update["method"] = new.method
    if request.path == old.path:
        update["path"] = new.path
        update["path_params"] = _path_values(request, change, log)
    edited = request.model_copy(update=update)
    if (edited.method, edited.path) != (request.method, request.path):
        log.note(REQUEST, "path_change", label(old), label(new), "the operation moved")
    return edited


def _path_values(request: RequestTemplate, change: OperationChange, log: EditLog) -> dict[str, Any]:
    place = Place(log, REQUEST, "parameter_change", f"the path of {label(change.new)}")
    schemas = _path_schemas(change.old), _path_schemas(change.new)
    values: dict[str, Any] = {}
    for name, value in request.path_params.items():
        new_name = change.path_params.get(name)
        if new_name is None:
            if ("path", name) not in change.moved_params:
                place.removed(name)
            continue
        if new_name != name:
            place.renamed(name, new_name, 1.0)
        values[new_name] = _adapted(value, schemas[0].get(name, {}), schemas[1].get(new_name, {}), new_name, place)
    for parameter in change.new_path_params:
        _add_path_value(values, parameter, place)
    return values


def _add_path_value(values: dict[str, Any], parameter: Parameter, place: Place) -> None:
    try:
        value, confidence = (parameter.example, _SURE) if parameter.example is not None else _sample(parameter)
    except NoValue:
        value, confidence = None, 0.0
    if confidence < _SURE:
        place.undecided(f"`{parameter.name}` is new, and the contract names no value for it")
        return
    values[parameter.name] = value
    place.added(parameter.name, value, confidence)


def _sample(parameter: Parameter) -> tuple[Any, float]:
    return sample(parameter.json_schema, parameter.json_schema)


def _path_schemas(operation: Operation) -> dict[str, Schema]:
    found = [item for item in operation.parameters if item.location == "path"]
    return {item.name: resolve(item.json_schema, item.json_schema) for item in found}


def _adapted(value: Any, old: Schema, new: Schema, name: str, place: Place) -> Any:
    try:
        adapted = adapt(value, old, new)
    except NoValue:
        return value
    if adapted != value:
        place.adapted(name, value, adapted)
    return adapted


def _edit_parameters(request: RequestTemplate, change: OperationChange, log: EditLog) -> RequestTemplate:
    parts: dict[str, dict[str, Any]] = {
        "path": dict(request.path_params),
        "query": dict(request.query),
        "header": {name.lower(): value for name, value in request.headers.items()},
        "cookie": dict(request.cookies),
    }
    before = {location: dict(values) for location, values in parts.items()}
    _move_parameters(request, parts, change, log)
    for location, shape in change.parameters.items():
        place = Place(log, REQUEST, "parameter_change", f"the {location} of {label(change.new)}")
        filled = parts[location] or {"": None}  # so that a newly required one is added to an empty query as well
        written = rewrite_value(filled, shape, place, complete=not expects_refusal_of(request, change))
        written.pop("", None)
        parts[location] = written
    if parts == before:
        return request
    headers = parts["header"] if parts["header"] == before["header"] else None
    update = {"path_params": parts["path"], "query": parts["query"], "cookies": parts["cookie"]}
    if headers is None:
        update["headers"] = _headers(request, parts["header"], change.new)
    return request.model_copy(update=update)


def expects_refusal_of(request: RequestTemplate, change: OperationChange) -> bool:
    """Whether the request deliberately calls something else than the operation."""
    return request.method.upper() not in {change.old.method.upper(), change.new.method.upper()}


def _move_parameters(
    request: RequestTemplate, parts: dict[str, dict[str, Any]], change: OperationChange, log: EditLog
) -> None:
    parts["path"] = {name: value for name, value in parts["path"].items() if ("path", name) not in change.moved_params}
    for (was, name), now in change.moved_params.items():
        source = request.path_params if was == "path" else parts[was]
        key = name.lower() if was == "header" else name
        if key in source:
            value = source[key]
            parts[was].pop(key, None)
            parts[now][name.lower() if now == "header" else name] = str(value) if now == "header" else value
            reason = f"{label(change.new)}: the parameter is found in the {now} now"
            log.note(REQUEST, "parameter_change", f"{was} {name}", f"{now} {name}", reason)


def _headers(request: RequestTemplate, values: dict[str, Any], operation: Operation) -> dict[str, str]:
    """The headers as the contract spells them; those that stayed, as the test did."""
    spelt = {item.name.lower(): item.name for item in operation.parameters if item.location == "header"}
    spelt |= {name.lower(): name for name in request.headers}
    return {spelt.get(name, name): str(value) for name, value in values.items()}


def _edit_body(request: RequestTemplate, change: OperationChange, log: EditLog) -> RequestTemplate:
    if expects_refusal_of(request, change):
        return request
    place = Place(log, REQUEST, "schema_change", f"the body of {label(change.new)}")
    if request.body_kind == "none":
        return _add_body(request, change, place)
    if change.old.request_body is None:
        return request
    if change.new.request_body is None:
        place.removed("body")
        return request.model_copy(update={"body_kind": "none", "body": None, "content_type": None})
    media = _media_type(request)
    was = body_type(change.old.request_body.content, media)
    now = body_type(change.new.request_body.content, media)
    body = rewrite_value(request.body, compare_bodies(change, media), place)
    update: dict[str, Any] = {"body": body}
    if was != now and was == (media or was):
        place.renamed(was, now, 0.9)
        update |= {"body_kind": _body_kind(now), "content_type": now if request.content_type else None}
    return request.model_copy(update=update)


def _add_body(request: RequestTemplate, change: OperationChange, place: Place) -> RequestTemplate:
    body = change.new.request_body
    if body is None or not body.required or change.old.request_body is not None:
        return request
    media = body_type(body.content, None)
    try:
        value, confidence = sample(body.content.get(media, {}), body.content.get(media, {}))
    except NoValue as missing:
        place.undecided(f"a body is required now, and {missing}")
        return request
    place.added("body", value, confidence)
    return request.model_copy(update={"body_kind": _body_kind(media), "body": value})


_KINDS = {"json": "application/json", "form": "application/x-www-form-urlencoded", "multipart": "multipart/form-data"}


def _media_type(request: RequestTemplate) -> str | None:
    return request.content_type or _KINDS.get(request.body_kind)


def _body_kind(media_type: str) -> str:
    kinds = {media: kind for kind, media in _KINDS.items()}
    return kinds.get(media_type, "json" if media_type.endswith("json") else "text")


def _edit_auth(step: Step, request: RequestTemplate, change: OperationChange, log: EditLog) -> RequestTemplate:
    """A tightened operation gets credentials. A loosened one is for a person to see: it may be a hole."""
    was, now = change.old.requires_auth, change.new.requires_auth
    if now and not was and request.auth == "none" and expects_success(step):
        log.note(REQUEST, "auth_change", "none", "default", f"{label(change.new)} requires authentication")
        return request.model_copy(update={"auth": "default"})
    if was and not now and request.auth in {"none", "invalid"} and expects_refusal(step):
        log.problem("status", f"{label(change.new)} no longer requires authentication; is that meant?")
    return request
