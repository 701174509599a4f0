"""JSON over HTTP to a platform: credentials, time-outs, repeats of what may be repeated, errors in words."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import urllib3
from urllib3.exceptions import HTTPError, MaxRetryError

from cli.errors import CliError, Refused

Json = dict[str, Any]
_REPEATS = urllib3.Retry(
    total=4, read=0, backoff_factor=0.2, status_forcelist=[429, 503], allowed_methods=None, raise_on_status=False
)
"""A request that was not accepted is sent again; one that may have been worked on is not."""


def path(*parts: object) -> str:
    """A path under `/api` with its parts percent-encoded."""
    return "/api/" + "/".join(quote(str(part), safe="") for part in parts)


class Transport:
    """One platform, one identity. `timeout` in seconds applies to each request."""

    def __init__(self, base_url: str, *, api_key: str | None = None, timeout: float = 30.0) -> None:
        if urlsplit(base_url).scheme not in {"http", "https"}:
            raise CliError(f"'{base_url}' is not an address of a platform", "it looks like http://127.0.0.1:8000")
        self.base_url = base_url.rstrip("/")
        self._pool = urllib3.PoolManager(timeout=urllib3.Timeout(connect=5.0, read=timeout), retries=_REPEATS)
        self._credentials = {"X-API-Key": api_key} if api_key else {}
        self._refresh_token = ""

    def close(self) -> None:
        self._pool.clear()

    def authenticate(self, tokens: Json) -> None:
        """Goes on as the user whose login answered `tokens`."""
        self._credentials = {"Authorization": f"Bearer {tokens['access_token']}"}
        self._refresh_token = str(tokens.get("refresh_token") or "")

    def call(self, method: str, where: str, body: Json | None = None, params: Json | None = None) -> Any:
        """The JSON of the answer, None without a body. Raises `Refused` for error answers, else `CliError`."""
        answer = self._send(method, where, body, params)
        if answer.status == HTTPStatus.UNAUTHORIZED and self._refresh_token:
            token, self._refresh_token = self._refresh_token, ""
            self.authenticate(_content(self._send("POST", path("auth", "refresh"), {"refresh_token": token}, None)))
            answer = self._send(method, where, body, params)
        return _content(answer)

    def _send(self, method: str, where: str, body: Json | None, params: Json | None) -> urllib3.BaseHTTPResponse:
        asked = {name: value for name, value in (params or {}).items() if value is not None}
        url = f"{self.base_url}{where}" + (f"?{urlencode(asked, doseq=True)}" if asked else "")
        headers = {"Accept": "application/json", **self._credentials}
        data = None
        if body is not None:
            data, headers["Content-Type"] = json.dumps(body).encode(), "application/json"
        try:
            return self._pool.request(method, url, body=data, headers=headers, redirect=False)
        except HTTPError as error:
            cause = error.reason if isinstance(error, MaxRetryError) else error
            raise CliError(f"cannot reach the platform at {self.base_url}: {cause}") from error


def _content(answer: urllib3.BaseHTTPResponse) -> Any:
    try:
        content = json.loads(answer.data) if answer.data else None
    except ValueError:
        raise CliError(f"{answer.url} answered {answer.status} with something that is not JSON") from None
    if answer.status < HTTPStatus.MULTIPLE_CHOICES:
        return content
    error = content.get("error") if isinstance(content, dict) else None
    raise Refused(answer.status, error if isinstance(error, dict) else {})
