"""Variables and the `{{name}}` templates that use them."""

from __future__ import annotations

import json
import re
import secrets
import string
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import orjson

_TEMPLATE = re.compile(r"\{\{\s*(\$?[A-Za-z_][A-Za-z0-9_.\-]*)\s*\}\}")
_ALPHABET = string.ascii_lowercase + string.digits


class UndefinedVariable(Exception):
    """A template names a variable that nothing has set."""

    def __init__(self, name: str) -> None:
        super().__init__(f"variable {name!r} is not set")
        self.name = name


class Variables:
    """The variables of one test execution: the environment's, then what the steps extract."""

    __slots__ = ("_unique", "_values")

    def __init__(self, initial: Mapping[str, Any]) -> None:
        self._values = dict(initial)
        self._unique: str | None = None

    def set(self, name: str, value: Any) -> None:
        self._values[name] = value

    def get(self, name: str) -> Any:
        """The typed value. Raises `UndefinedVariable`."""
        if name in self._values:
            return self._values[name]
        if name == "$uuid":
            return str(uuid.uuid4())
        if name == "$unique":
            self._unique = self._unique or "".join(secrets.choice(_ALPHABET) for _ in range(12))
            return self._unique
        if name == "$now":
            return datetime.now(UTC).isoformat().replace("+00:00", "Z")
        raise UndefinedVariable(name)

    def render(self, value: Any) -> Any:
        """`value` with every template replaced, at any depth; a string that is one template takes the typed value."""
        if isinstance(value, str):
            return self._render_string(value) if "{{" in value else value
        if isinstance(value, dict):
            return {self.render(key) if "{{" in key else key: self.render(item) for key, item in value.items()}
        if isinstance(value, (list, tuple)):
            return [self.render(item) for item in value]
        return value

    def text(self, value: str) -> str:
        """`value` with its templates replaced, as text in every case."""
        return as_text(self.render(value)) if "{{" in value else value

    def _render_string(self, value: str) -> Any:
        whole = _TEMPLATE.fullmatch(value)
        if whole:
            return self.get(whole.group(1))
        return _TEMPLATE.sub(lambda match: as_text(self.get(match.group(1))), value)


def as_text(value: Any) -> str:
    """How a value is written inside text: strings as they are, all else as JSON."""
    return value if isinstance(value, str) else to_json(value).decode()


def to_json(value: Any) -> bytes:
    """JSON of any depth, with integers of any size (which tests of edge cases need, and the fast encoder refuses)."""
    try:
        return orjson.dumps(value, default=str, option=orjson.OPT_NON_STR_KEYS)
    except TypeError:
        return json.dumps(value, default=str, separators=(",", ":")).encode()
