"""What every written or edited test must satisfy before it is kept."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any

import jsonschema_rs
from jsonpath_rfc9535 import JSONPathError
from jsonpath_rfc9535 import compile as compile_path
from pydantic import BaseModel

from shared.contracts.testcase import (
    BodyAssertion,
    Extract,
    HeaderAssertion,
    JsonAssertion,
    LoadAssertion,
    SchemaAssertion,
    StatusAssertion,
    Step,
    TestDefinition,
)

BUILT_IN = frozenset({"$uuid", "$unique", "$now"})
_TEMPLATE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_VARIABLE = re.compile(r"\$?[A-Za-z_][A-Za-z0-9_]*")
_STATUS = re.compile(r"[1-5](XX|[0-9]{2})")
_PLACEHOLDER = re.compile(r"\{([^{}]+)\}")


def problems(definition: TestDefinition, environment: frozenset[str] | None = frozenset()) -> list[str]:
    """Everything that is wrong with a definition, in words; empty where it is fine.

    `environment` names the variables that come from outside; None allows any.
    """
    found: list[str] = []
    known = set(environment or ())
    if not any(step.role == "test" for step in definition.steps):
        found.append("no step has the role test")
    for index, step in enumerate(definition.steps):
        said = f"step {index + 1}"
        named = variables_of(step.request)
        used = named - BUILT_IN
        found += [f"{said}: {text}" for text in _malformed(named)]
        found += [f"{said}: path parameter {name} has no value" for name in _unfilled(step)]
        if environment is not None:
            found += [f"{said}: variable {name} is used before it is set" for name in sorted(used - known)]
        known |= {extract.name for extract in step.extract}
        found += [f"{said}: {text}" for text in _step_problems(step, definition, known, environment is None)]
    return found


def _step_problems(step: Step, definition: TestDefinition, known: set[str], any_variable: bool) -> Iterator[str]:
    for extract in step.extract:
        yield from _extract_problems(extract)
    for assertion in step.assertions:
        if isinstance(assertion, LoadAssertion):
            if definition.load is None:
                yield "a load assertion needs a load profile"
            continue
        value = getattr(assertion, "value", None)
        unknown = variables(value) - BUILT_IN - known
        if unknown and not any_variable:
            yield f"an assertion uses {', '.join(sorted(unknown))} before it is set"
        yield from _assertion_problems(assertion)


def _extract_problems(extract: Extract) -> Iterator[str]:
    if not _VARIABLE.fullmatch(extract.name) or extract.name.startswith("$"):
        yield f"{extract.name!r} is no name of a variable"
    if extract.source == "json":
        yield from _path_problems(extract.path)


def _assertion_problems(assertion: Any) -> Iterator[str]:
    if isinstance(assertion, StatusAssertion):
        yield from (f"{code!r} is no status" for code in assertion.one_of if not _STATUS.fullmatch(code))
        if not assertion.one_of:
            yield "a status assertion names no status"
    if isinstance(assertion, JsonAssertion):
        yield from _path_problems(assertion.path)
    if isinstance(assertion, SchemaAssertion):
        yield from _schema_problems(assertion.json_schema)
    regular = isinstance(assertion, HeaderAssertion | JsonAssertion | BodyAssertion) and "matches" in assertion.op
    if regular and not _compiles(str(assertion.value)):
        yield f"{assertion.value!r} is no regular expression"


def _schema_problems(json_schema: dict[str, Any]) -> Iterator[str]:
    try:
        jsonschema_rs.Draft202012Validator(json_schema)
    except (jsonschema_rs.ValidationError, ValueError) as error:
        yield f"a schema is not valid: {str(error).splitlines()[0]}"


def _path_problems(path: str) -> Iterator[str]:
    if (problem := _path_problem(path)) is not None:
        yield problem


@lru_cache(maxsize=4096)
def _path_problem(path: str) -> str | None:
    try:
        compile_path(path)
    except JSONPathError as error:
        return f"{path!r} is no JSON path: {str(error).splitlines()[0]}"
    return None


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from _strings(key)
            yield from _strings(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _strings(inner)


def variables(value: Any) -> set[str]:
    """The names of all variables in the templates of a value, built-ins included."""
    return {name for text in _strings(value) for name in _TEMPLATE.findall(text)}


def variables_of(model: BaseModel) -> set[str]:
    """The names of all variables in the templates of a part of a definition."""
    # quicker than a walk; no JSON syntax has two opening braces in a row
    return set(_TEMPLATE.findall(model.model_dump_json()))


def _malformed(names: set[str]) -> Iterator[str]:
    for name in sorted(names):
        if not _VARIABLE.fullmatch(name) or (name.startswith("$") and name not in BUILT_IN):
            yield f"{{{{{name}}}}} is no template"


def _unfilled(step: Step) -> list[str]:
    return [name for name in _PLACEHOLDER.findall(step.request.path) if name not in step.request.path_params]
