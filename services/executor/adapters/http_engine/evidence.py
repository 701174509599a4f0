"""What is kept of a request and its answer: enough to judge and repeat, secrets masked, long bodies cut."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

from services.executor.adapters.http_engine.answers import Answer
from services.executor.adapters.http_engine.auth import is_credential
from services.executor.adapters.http_engine.requests import Prepared
from shared.contracts.executor import Exchange, RecordedRequest, RecordedResponse

BODY_CHARS = 16_384
VALUE_CHARS = 300
MASK = "***"
_TELLING_NAME = r"[\w-]*(?:passw|token|secret|api[-_]?key|access[-_]?key|credential|session|authorization)[\w-]*"
_JSON_SECRET = re.compile(rf'("{_TELLING_NAME}"\s*:\s*)"(?:[^"\\]|\\.)*"', re.IGNORECASE)
_FORM_SECRET = re.compile(rf"((?:^|[?&]){_TELLING_NAME}=)[^&#\s]+", re.IGNORECASE)
_HINTS = ("passw", "token", "secret", "key", "credential", "session", "authorization")
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
"""PostgreSQL's text has no NUL, and UTF-8 no lone surrogates."""


class Masker:
    """Hides the known secrets of an environment, and whatever is named like one."""

    def __init__(self, secrets: Iterable[str]) -> None:
        known = sorted(secrets, key=len, reverse=True)
        self._last_headers: tuple[Mapping[str, str], dict[str, str]] = ({}, {})
        self._known = re.compile("|".join(map(re.escape, known))) if known else None

    def text(self, text: str) -> str:
        """`text` without known secrets, in a form that can be stored."""
        if self._known is not None:
            text = self._known.sub(MASK, text)
        return text if text.isascii() and "\0" not in text else _UNSTORABLE.sub("\ufffd", text)

    def value(self, text: str) -> str:
        """A short text for an assertion's expected or actual."""
        return self.text(text if len(text) <= VALUE_CHARS else text[:VALUE_CHARS] + "…")

    def found(self, source: str, text: str) -> str:
        """Something of the answer, for an assertion's actual; `source` is the name under which it was found."""
        if is_credential(source):
            return MASK
        if _is_telling(text):
            text = _FORM_SECRET.sub(rf"\1{MASK}", _JSON_SECRET.sub(rf'\1"{MASK}"', text))
        return self.value(text)

    def request_headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        """As `headers`; most requests of a run share one and the same mapping."""
        last, shown = self._last_headers
        if headers is not last:
            shown = self.headers(headers)
            self._last_headers = headers, shown
        return shown

    def headers(self, headers: Mapping[str, str]) -> dict[str, str]:
        kept: dict[str, str] = {}
        for name, value in headers.items():
            shown = _masked_credential(value) if is_credential(name) else self.text(value)
            kept[name] = f"{kept[name]}, {shown}" if name in kept else shown
        return kept

    def url(self, url: str) -> str:
        return self.text(_FORM_SECRET.sub(rf"\1{MASK}", url) if "=" in url and _is_telling(url) else url)

    def body(self, body: bytes) -> tuple[str, bool]:
        """The text of the body, and whether it was cut."""
        head = body[: BODY_CHARS * 4]
        if b"\0" in head[:1024]:
            return f"<{len(body)} bytes of binary data>", True
        text = head.decode("utf-8", "replace")
        if _is_telling(text):
            text = _FORM_SECRET.sub(rf"\1{MASK}", _JSON_SECRET.sub(rf'\1"{MASK}"', text))
        text = self.text(text)
        return text[:BODY_CHARS], len(text) > BODY_CHARS or len(head) < len(body)

    def exchange(
        self, step: int, request: Prepared, answer: Answer | None, duration_ms: float, error: str | None
    ) -> Exchange:
        """The evidence of one request."""
        sent = RecordedRequest(
            method=request.method,
            url=self.url(request.url),
            headers=self.request_headers(request.headers),
            body=None if request.body is None else self.body(request.body)[0],
        )
        received = None
        if answer is not None:
            body, cut = self.body(answer.body)
            received = RecordedResponse(
                status=answer.status, headers=self.headers(answer.headers), body=body, truncated=cut or answer.truncated
            )
        return Exchange(
            step=step,
            request=sent,
            response=received,
            duration_ms=round(duration_ms, 3),
            error=None if error is None else self.value(error),
        )


def _is_telling(text: str) -> bool:
    """Cheaper than the patterns, which few texts need."""
    lowered = text.lower()
    return any([hint in lowered for hint in _HINTS])  # noqa: C419 - a list is faster than a generator here


def _masked_credential(value: str) -> str:
    """The scheme of an Authorization header and the names of cookies stay readable."""
    scheme, separator, rest = value.partition(" ")
    if separator and scheme.isalpha() and rest:
        return f"{scheme} {MASK}"
    name, separator, _ = value.partition("=")
    return f"{name}={MASK}" if separator and name.isidentifier() else MASK
