"""What `testgen test` is pointed at: a folder, an OpenAPI document (file or URL) or a Git repository."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import urllib3
import yaml
from urllib3.exceptions import HTTPError

from cli.errors import CliError

_SCP_LIKE = re.compile(r"[\w.-]+@[\w.-]+:(?!//)\S+")
_LARGEST_DOCUMENT = 20_000_000
_GIT_ADVERTISEMENT = "application/x-git-upload-pack-advertisement"


@dataclass(frozen=True)
class Source:
    """`where` is the folder, address or file; `document` the text of an OpenAPI file."""

    kind: Literal["path", "git", "openapi_url", "openapi"]
    where: str
    document: str = ""

    @property
    def name(self) -> str:
        """A short name for it: what a project is called that is given no name."""
        place = urlsplit(self.where)
        if self.kind == "openapi_url":
            return place.hostname or self.where
        last = re.split(r"[/:]", (place.path or self.where).rstrip("/"))[-1]
        return re.sub(r"\.(git|json|ya?ml)$", "", last) or "api"

    def request(self, branch: str | None = None) -> dict[str, Any]:
        """The body of the scan request."""
        match self.kind:
            case "path":
                return {"kind": "path", "path": self.where}
            case "git":
                return {"kind": "git", "url": self.where} | ({"branch": branch} if branch else {})
            case "openapi_url":
                return {"kind": "openapi_url", "url": self.where}
            case _:
                return {"kind": "openapi", "document": self.document}


def source_of(text: str) -> Source:
    """Finds out what kind of source `text` names, asking the address where the text alone doesn't tell."""
    local = Path(text).expanduser()
    if local.is_dir():
        return Source("path", str(local.resolve()))
    if local.is_file():
        return Source("openapi", str(local), _document(local))
    scheme = urlsplit(text).scheme
    if scheme in {"http", "https"}:
        return _at_address(text)
    if scheme in {"git", "ssh", "file", "git+ssh"} or _SCP_LIKE.fullmatch(text):
        return Source("git", text)
    raise CliError(
        f"'{text}' is no file or folder here, and no address",
        "SOURCE is a folder, a Git URL, an OpenAPI file or the URL of one",
    )


def _document(file: Path) -> str:
    if file.stat().st_size > _LARGEST_DOCUMENT:
        raise CliError(f"{file} is larger than {_LARGEST_DOCUMENT // 1_000_000} MB")
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise CliError(f"cannot read {file}: {error}") from error
    try:
        described = describes_api(text)
    except ValueError as error:
        raise CliError(f"{file} is not well-formed JSON or YAML: {error}") from error
    if not described:
        raise CliError(f"{file} is no OpenAPI document: it has no 'openapi' or 'swagger' field at the top")
    return text


def describes_api(text: str) -> bool:
    """Whether JSON or YAML text is an OpenAPI or Swagger document. Raises `ValueError` for text that is neither."""
    try:
        content = json.loads(text)
    except ValueError:
        try:
            content = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))  # noqa: S506 - both are safe
        except yaml.YAMLError as error:
            raise ValueError(" ".join(str(error).split())) from error
    return isinstance(content, dict) and ("openapi" in content or "swagger" in content)


def _at_address(url: str) -> Source:
    if urlsplit(url).path.endswith(".git"):
        return Source("git", url)
    http = urllib3.PoolManager(timeout=urllib3.Timeout(connect=5, read=15), retries=urllib3.Retry(1, redirect=5))
    try:
        answer = http.request("GET", url, headers={"Accept": "application/json, application/yaml, */*"})
        if answer.status == 200 and _is_description(answer.data):  # noqa: PLR2004
            return Source("openapi_url", url)
        refs = http.request("GET", f"{url.rstrip('/')}/info/refs?service=git-upload-pack")
    except HTTPError as error:
        raise CliError(f"cannot read {url}: {getattr(error, 'reason', None) or error}") from error
    if refs.headers.get("Content-Type", "").startswith(_GIT_ADVERTISEMENT):
        return Source("git", url)
    raise CliError(f"{url} (HTTP {answer.status}) is neither an OpenAPI document nor a Git repository that can be read")


def _is_description(body: bytes) -> bool:
    try:
        return describes_api(body.decode("utf-8-sig"))
    except ValueError:
        return False
