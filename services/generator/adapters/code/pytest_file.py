"""A test as a pytest file that runs on its own, with nothing but `requests`."""

import re
import textwrap
from collections.abc import Iterator
from typing import Any

from services.generator.adapters.code.checks import check_lines, json_value
from services.generator.adapters.code.expressions import quoted, rendered
from services.generator.domain.validation import BUILT_IN, variables_of
from shared.contracts.testcase import (
    Extract,
    LoadAssertion,
    LoadProfile,
    RequestTemplate,
    StatusAssertion,
    Step,
    TestDefinition,
)

_INDENT = "    "
_NAME_LENGTH = 80
_HEAD = '''import os
import re
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from datetime import datetime, timezone
from urllib.parse import quote

import pytest
import requests

BASE_URL = os.environ.get("BASE_URL", "http://127.0.0.1:8000").rstrip("/")
TOKEN = os.environ.get("TOKEN")
OTHER_TOKEN = os.environ.get("OTHER_TOKEN")


def call(method, path, *, auth="default", headers=None, **options):
    """Send one request with the credentials of `auth`: default, none, invalid or other."""
    tokens = {"default": TOKEN, "none": None, "invalid": "invalid-credentials", "other": OTHER_TOKEN}
    if auth == "other" and not OTHER_TOKEN:
        pytest.skip("needs a second identity in OTHER_TOKEN")
    sent = {"Authorization": f"Bearer {tokens[auth]}"} if tokens[auth] else {}
    sent.update(headers or {})
    return requests.request(method, BASE_URL + path, headers=sent, timeout=%s, allow_redirects=False, **options)


def answered(response, *expected):
    """Whether the status is one of the expected codes ("404") or classes ("4XX")."""
    code = str(response.status_code)
    return code in expected or code[0] + "XX" in expected
'''
_OPTIONAL = {
    "re": "import re\n",
    "uuid": "import uuid\n",
    "ThreadPoolExecutor": "from concurrent.futures import ThreadPoolExecutor\n",
    "ExitStack": "from contextlib import ExitStack\n",
    "datetime": "from datetime import datetime, timezone\n",
    "quote": "from urllib.parse import quote\n",
}
_SCHEMA = '''

def assert_schema(value, schema):
    """Check a value against a JSON Schema; needs the package jsonschema, and is left out without it."""
    try:
        from jsonschema import Draft202012Validator
    except ImportError:
        return
    Draft202012Validator(schema).validate(value)
'''


class PytestFile:
    """Renders tests as pytest files. BASE_URL, TOKEN and OTHER_TOKEN come from the environment."""

    def render(self, title: str, description: str, definition: TestDefinition) -> str:
        """The whole file, as text."""
        body = "\n".join(self._body(definition))
        summary = textwrap.fill(description, 110) if description else ""
        function = f"def test_{_slug(title)}():\n{textwrap.indent(body, _INDENT)}\n"
        head = _HEAD % f"{definition.timeout_s:g}" + (_SCHEMA if "assert_schema(" in body else "")
        for word, line in _OPTIONAL.items():
            if not re.search(rf"\b{word}\b", body):
                head = head.replace(line, "", 1)
        opening = _docstring(f"{title}\n\n{summary}\n" if summary else f"{title}\n")
        return f"{opening}\n\n{head}\n\n{function}"

    def _body(self, definition: TestDefinition) -> Iterator[str]:
        used = variables_of(definition)
        if "$unique" in used:
            yield "unique = uuid.uuid4().hex[:12]"
        if "$now" in used:
            yield "now = datetime.now(timezone.utc).isoformat()"
        cleanup = [step for step in definition.steps if step.role == "cleanup"]
        steps = [step for step in definition.steps if step.role != "cleanup"]
        lines = list(self._steps(steps, cleanup, definition.load))
        if cleanup:
            yield "with ExitStack() as cleanup:"
            yield from (_INDENT + line if line else "" for block in lines for line in block.split("\n"))
        else:
            yield from lines

    def _steps(self, steps: list[Step], cleanup: list[Step], load: LoadProfile | None) -> Iterator[str]:
        known: set[str] = set()
        waiting = list(reversed(cleanup))
        for index, step in enumerate(steps):
            if index:
                yield ""
            if step.name:
                yield f"# {step.name}"
            request = request_call(step.request, known)
            under_load = step.role == "test" and load is not None
            yield from (_loaded(step, request, load) if under_load and load else _called(step, request, known))
            for extract in step.extract:
                known.add(extract.name)
                yield f"{extract.name} = {_extracted(extract)}"
            for ready in [one for one in waiting if variables_of(one.request) - BUILT_IN <= known]:
                waiting.remove(ready)
                undo = request_call(ready.request, known).removeprefix("call(").removesuffix(")")
                yield f"cleanup.callback(call, {undo})"


def _called(step: Step, request: str, known: set[str]) -> Iterator[str]:
    yield f"response = {request}"
    for assertion in step.assertions:
        if step.role == "setup" and isinstance(assertion, StatusAssertion):
            expected = ", ".join(map(quoted, assertion.one_of))
            yield f"if not answered(response, {expected}):"
            yield f'{_INDENT}pytest.skip(f"set-up failed: {{response.status_code}} {{response.text[:200]}}")'
        else:
            yield from check_lines(assertion, known)


def _loaded(step: Step, request: str, load: LoadProfile) -> Iterator[str]:
    yield f"def send(_):\n{_INDENT}return {textwrap.indent(request, _INDENT).lstrip()}"
    yield ""
    yield f"with ThreadPoolExecutor(max_workers={load.concurrency}) as pool:"
    yield f"{_INDENT}responses = list(pool.map(send, range({load.requests})))"
    statuses = [quoted(code) for a in step.assertions if isinstance(a, StatusAssertion) for code in a.one_of]
    expected = ", ".join(statuses) or '"1XX", "2XX", "3XX"'
    yield f"errors = [response for response in responses if not answered(response, {expected})]"
    yield "times = sorted(response.elapsed.total_seconds() * 1000 for response in responses)"
    for assertion in step.assertions:
        if isinstance(assertion, LoadAssertion):
            yield f"assert len(errors) <= {assertion.max_error_rate:g} * len(responses), errors[0].text[:200]"
            if assertion.max_ms is not None:
                share = assertion.percentile / 100
                yield f"assert times[int((len(times) - 1) * {share:g})] <= {assertion.max_ms:g}"


def request_call(request: RequestTemplate, known: set[str]) -> str:
    """The `call(…)` expression that sends a request."""
    arguments = [quoted(request.method), _path(request, known)]
    if request.auth != "default":
        arguments.append(f"auth={quoted(request.auth)}")
    headers = dict(request.headers)
    if request.body_kind == "text" or (request.body_kind == "json" and request.content_type != "application/json"):
        headers |= {"Content-Type": request.content_type} if request.content_type else {}
    options = {"headers": headers, "params": request.query, "cookies": request.cookies}
    arguments += [f"{name}={rendered(value, known)}" for name, value in options.items() if value]
    arguments += _body_argument(request, known)
    return f"call({', '.join(arguments)})"


def _body_argument(request: RequestTemplate, known: set[str]) -> list[str]:
    match request.body_kind:
        case "json":
            return [f"json={rendered(request.body, known)}"]
        case "form":
            return [f"data={rendered(request.body, known)}"]
        case "text":
            return [f"data={rendered(str(request.body), known)}.encode()"]
        case "multipart":
            fields = request.body.items() if isinstance(request.body, dict) else ()
            parts = [f"{quoted(name)}: {_part(value, known)}" for name, value in fields]
            return ["files={" + ", ".join(parts) + "}"]
    return []


def _part(value: Any, known: set[str]) -> str:
    if isinstance(value, dict) and "content" in value:
        named = [value.get("filename", "file"), value["content"], value.get("content_type", "application/octet-stream")]
        return "(" + ", ".join(rendered(item, known) for item in named) + ")"
    return f"(None, str({rendered(value, known)}))"


def _path(request: RequestTemplate, known: set[str]) -> str:
    if not request.path_params:
        return quoted(request.path)
    parts = []
    for piece in re.split(r"(\{[^{}]+\})", request.path):
        name = piece[1:-1]
        if piece.startswith("{") and name in request.path_params:
            value = rendered(request.path_params[name], known)
            parts.append(f'quote(str({value}), safe="")')
        elif piece:
            parts.append(quoted(piece))
    return " + ".join(parts)


def _extracted(extract: Extract) -> str:
    if extract.source == "status":
        return "response.status_code"
    return f"response.headers[{quoted(extract.path)}]" if extract.source == "header" else json_value(extract.path)


def _slug(title: str) -> str:
    return re.sub(r"[^a-z0-9]+", "_", title.lower()).strip("_")[:_NAME_LENGTH] or "case"


def _docstring(said: str) -> str:
    return '"""' + said.replace("\\", "\\\\").replace('"""', "'''") + '"""'
