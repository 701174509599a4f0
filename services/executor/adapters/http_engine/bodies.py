"""Request bodies: from a rendered template value to bytes and their content type."""

from __future__ import annotations

import base64
import uuid
from typing import Any
from urllib.parse import urlencode

from services.executor.adapters.http_engine.templates import as_text, to_json


def encode(kind: str, body: Any) -> tuple[bytes | None, str | None]:
    """The body and its default content type; (None, None) without a body."""
    if kind == "none":
        return None, None
    if kind == "json":
        return to_json(body), "application/json"
    if kind == "form":
        if isinstance(body, dict):
            return urlencode(_pairs(body)).encode(), "application/x-www-form-urlencoded"
        return as_text("" if body is None else body).encode(), "application/x-www-form-urlencoded"
    if kind == "multipart":
        return _multipart(body if isinstance(body, dict) else {"file": body})
    return _bytes("" if body is None else body), "text/plain; charset=utf-8"


def _pairs(body: dict[str, Any]) -> list[tuple[str, str]]:
    pairs: list[tuple[str, str]] = []
    for name, value in body.items():
        values = value if isinstance(value, list) else [value]
        pairs.extend((name, as_text(item)) for item in values if item is not None)
    return pairs


def _multipart(body: dict[str, Any]) -> tuple[bytes, str]:
    boundary = uuid.uuid4().hex
    parts = bytearray()
    for name, value in body.items():
        for item in value if isinstance(value, list) else [value]:
            if item is None:
                continue
            parts += f"--{boundary}\r\n".encode() + _part(name, item) + b"\r\n"
    parts += f"--{boundary}--\r\n".encode()
    return bytes(parts), f"multipart/form-data; boundary={boundary}"


def _part(name: str, item: Any) -> bytes:
    """A field, or a file where the value is {"filename", "content" or "content_base64", "content_type"}."""
    head = f'Content-Disposition: form-data; name="{_quoted(name)}"'
    if isinstance(item, dict) and "filename" in item:
        encoded = item.get("content_base64")
        content = base64.b64decode(encoded) if encoded is not None else _bytes(item.get("content", ""))
        head += f'; filename="{_quoted(str(item["filename"]))}"'
        head += f"\r\nContent-Type: {_quoted(str(item.get('content_type', 'application/octet-stream')))}"
    elif isinstance(item, (dict, list)):
        content, head = _bytes(item), head + "\r\nContent-Type: application/json"
    else:
        content = _bytes(item)
    return f"{head}\r\n\r\n".encode("utf-8", "replace") + content


def _bytes(value: Any) -> bytes:
    return as_text(value).encode("utf-8", "replace")


def _quoted(text: str) -> str:
    """As the HTML standard escapes names in multipart bodies."""
    return text.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")
