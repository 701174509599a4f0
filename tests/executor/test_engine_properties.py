"""What must hold for every template, path, body and document."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import jsonpath_rfc9535
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.executor.adapters.http_engine import json_checks
from services.executor.adapters.http_engine.assertions import percentile, status_is
from services.executor.adapters.http_engine.auth import Credentials
from services.executor.adapters.http_engine.bodies import encode
from services.executor.adapters.http_engine.evidence import Masker
from services.executor.adapters.http_engine.json_paths import compiled
from services.executor.adapters.http_engine.requests import prepare
from services.executor.adapters.http_engine.templates import UndefinedVariable, Variables
from shared.contracts.testcase import RequestTemplate
from shared.security.patterns import matches

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
NAMES = st.from_regex(r"\A[a-z_][a-z0-9_]{0,8}\Z")
BASE = "http://target.test/base"


@settings(max_examples=200)
@given(JSON, NAMES)
def test_a_string_that_is_one_template_takes_the_typed_value(value: Any, name: str) -> None:
    variables = Variables({name: value})
    assert variables.render({"deep": ["{{" + name + "}}"]}) == {"deep": [value]}


@settings(max_examples=200)
@given(JSON)
def test_a_value_without_templates_stays_as_it_is(value: Any) -> None:
    if "{{" not in json.dumps(value):
        assert Variables({}).render(value) == value


def test_unique_is_the_same_within_an_execution_and_uuid_never() -> None:
    first, second = Variables({}), Variables({})
    assert first.render("{{$unique}}") == first.render("{{ $unique }}") != second.render("{{$unique}}")
    assert first.render("{{$uuid}}") != first.render("{{$uuid}}")
    assert len(first.render("a-{{$unique}}")) == 14
    assert first.render("{{7*7}} {{}}") == "{{7*7}} {{}}"
    with pytest.raises(UndefinedVariable):
        first.render("{{unset}}")


@settings(max_examples=300)
@given(st.text(max_size=40), st.dictionaries(NAMES, st.text(max_size=20), max_size=3))
def test_no_value_escapes_its_place_in_the_url(segment: str, query: dict[str, str]) -> None:
    """Neither host nor path structure can be changed by a value; what arrives decodes to what was meant."""
    template = RequestTemplate(method="get", path="/items/{id}/x", path_params={"id": segment}, query=query)
    literal = {name: value for name, value in query.items() if "{{" not in value}
    if "{{" in segment or len(literal) < len(query):
        return
    parts = urlsplit(prepare(template, BASE, Variables({}), lambda _: Credentials()).url)
    assert (parts.scheme, parts.netloc) == ("http", "target.test")
    before, found, after = parts.path.rpartition("/")[0].rpartition("/")[0], parts.path.split("/")[3], parts.path[-2:]
    assert (before, after) == ("/base/items", "/x")
    assert unquote(found, errors="replace") == segment.encode("utf-8", "replace").decode()
    expected = [(name, value.encode("utf-8", "replace").decode()) for name, value in query.items()]
    assert parse_qsl(parts.query, keep_blank_values=True) == expected


@settings(max_examples=200)
@given(st.text(max_size=60))
def test_no_path_template_leaves_the_host(path: str) -> None:
    if "{" in path:
        return
    url = prepare(RequestTemplate(method="GET", path=path), BASE, Variables({}), lambda _: Credentials()).url
    assert url.isascii()
    assert urlsplit(url).netloc == "target.test"


@settings(max_examples=200)
@given(JSON)
def test_json_bodies_round_trip(value: Any) -> None:
    body, content_type = encode("json", value)
    assert content_type == "application/json"
    assert json_checks.equal(json.loads(body or b""), json.loads(json.dumps(value)))


@settings(max_examples=200)
@given(JSON, st.lists(st.sampled_from([".a", ".b1", "[0]", "[2]", "['a b']"]), max_size=4))
def test_the_fast_path_finds_what_the_library_finds(document: Any, parts: list[str]) -> None:
    path = "$" + "".join(parts)
    nested: Any = document
    for part in reversed(parts):
        name = part.strip(".[]'")
        nested = [nested] * (int(name) + 1) if name.isdigit() else {name: nested}
    for one in (document, nested):
        assert compiled(path).find(one) == jsonpath_rfc9535.find(path, one).values()


@settings(max_examples=200)
@given(JSON, JSON)
def test_equality_is_that_of_json(left: Any, right: Any) -> None:
    assert json_checks.equal(left, left)
    assert json_checks.equal(left, right) == json_checks.equal(right, left)
    assert not json_checks.equal(True, 1)
    assert json_checks.equal(1, 1.0)


@settings(max_examples=200)
@given(JSON, JSON, st.sampled_from(["equals", "contains", "type", "matches", "length", "max_length", "gte", "lte"]))
def test_no_document_makes_an_operator_raise_anything_unexpected(document: Any, expected: Any, op: str) -> None:
    if op == "matches":
        expected = "^[a-z]*$"
    passed, wanted, shown = json_checks.check("$", op, expected, document)
    assert isinstance(passed, bool)
    assert isinstance(wanted + shown, str)


@settings(max_examples=200)
@given(st.text(min_size=4, max_size=20), st.text(max_size=50), st.text(max_size=50))
def test_a_known_secret_never_shows(secret: str, before: str, after: str) -> None:
    shown = Masker([secret]).text(before + secret + after)
    if secret not in before + "***" + after:
        assert secret not in shown
    assert "\0" not in shown
    assert shown.encode()


@settings(max_examples=200)
@given(st.binary(max_size=2000))
def test_any_body_becomes_text_that_can_be_stored(body: bytes) -> None:
    text, _ = Masker([]).body(body)
    assert "\0" not in text
    assert text.encode() or not body


@settings(max_examples=200)
@given(st.lists(st.floats(min_value=0, max_value=1e6), min_size=1), st.floats(min_value=0, max_value=100))
def test_a_percentile_is_one_of_the_values_and_grows(values: list[float], percent: float) -> None:
    ordered = sorted(values)
    assert percentile(ordered, percent) in ordered
    assert percentile(ordered, 0) == ordered[0]
    assert percentile(ordered, 100) == ordered[-1]
    assert percentile(ordered, percent) <= percentile(ordered, min(100, percent + 1))


def test_status_classes() -> None:
    assert status_is(204, ("2XX",))
    assert status_is(404, ("200", "4xx"))
    assert not status_is(500, ("2XX", "404"))


def test_a_catastrophic_pattern_ends() -> None:
    assert not matches("^(a+)+$", "a" * 50_000 + "b")
    assert not matches(r"^(?=(a+)+$)(a*)*\2$", "a" * 5_000 + "b")
