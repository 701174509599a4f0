"""Gets a source and reads the API in it. Runs inside of the scan's own, bounded process.

What only some sources need is imported where it is used: every scan starts a process.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from services.scanner.adapters.openapi.document import MAX_BYTES
from services.scanner.adapters.openapi.reader import read_openapi
from services.scanner.adapters.python.reader import read_python
from services.scanner.adapters.tree import read_tree
from services.scanner.domain.source import Source
from services.scanner.errors import MalformedSource, ScanTooLarge, SourceUnreachable, UnsupportedSource
from shared.contracts.scanner import ApiDescription
from shared.security.targets import TargetPolicy

Progress = Callable[[float, str], None]
_DOCUMENT_SUFFIXES = frozenset({".json", ".yaml", ".yml"})
PYTHON = frozenset({".py"})


@dataclass(frozen=True)
class Policy:
    """What a scan may reach."""

    allow_local: bool = False
    targets: TargetPolicy = field(default_factory=TargetPolicy)
    clone_mb: int = 500


def describe(source: Source, policy: Policy, workspace: Path, progress: Progress) -> ApiDescription:
    """The API of a source. Raises a `ScanError`."""
    if source.kind == "openapi":
        return read_openapi(source.document.encode(), "document")
    if source.kind == "openapi_url":
        from services.scanner.adapters.fetching import fetch

        progress(0.1, "fetching the document")
        return read_openapi(asyncio.run(fetch(source.url, policy.targets)), source.url)
    if source.kind == "path":
        return read_folder(local_folder(source.path, policy), progress)
    from services.scanner.adapters.git import clone

    progress(0.02, "cloning the repository")
    folder = clone(
        source.url, source.branch, workspace / "checkout", policy.targets, policy.allow_local, policy.clone_mb
    )
    return read_folder(folder, lambda share, message: progress(0.3 + 0.7 * share, message))


def local_folder(path: str, policy: Policy) -> Path:
    """A folder or file of this machine. Raises `SourceUnreachable`."""
    if not policy.allow_local:
        raise SourceUnreachable("Folders of this machine may not be scanned on this installation.")
    folder = Path(path).expanduser()
    if not folder.is_absolute() or not folder.exists():
        raise SourceUnreachable(f"{path} does not exist, or is not an absolute path.", {"path": path})
    return folder


def read_folder(folder: Path, progress: Progress) -> ApiDescription:
    """The API of a folder of source code, or of an OpenAPI file. Raises a `ScanError`."""
    if folder.is_file():
        if folder.suffix.lower() not in _DOCUMENT_SUFFIXES:
            raise UnsupportedSource(f"{folder.name} is neither a folder nor an OpenAPI document (.json, .yaml, .yml).")
        if folder.stat().st_size > MAX_BYTES:
            raise ScanTooLarge(f"{folder.name} is larger than {MAX_BYTES // 1_000_000} MB.")
        return read_openapi(folder.read_bytes(), folder.name)
    tree = read_tree(folder, PYTHON)
    found = read_python(tree, progress)
    if found.framework == "none" and not found.failed_files:
        document = _document_in(folder)
        if document is not None:
            return document
        raise UnsupportedSource(
            f"Neither FastAPI nor Flask nor an OpenAPI document was found among {len(tree.files)} Python files."
        )
    return found.model_copy(update={"warnings": (*tree.warnings, *found.warnings)})


def _document_in(folder: Path) -> ApiDescription | None:
    """The first OpenAPI document of a folder that has no code that is understood."""
    tree = read_tree(folder, _DOCUMENT_SUFFIXES)
    for file in sorted(tree.files, key=lambda name: (name.count("/"), name))[:2000]:
        data = tree.read(file)
        if b"openapi" in data[:2000]:
            try:
                return read_openapi(data, file)
            except (MalformedSource, UnsupportedSource):
                continue
    return None
