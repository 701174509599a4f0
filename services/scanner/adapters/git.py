"""Gets the files of a Git repository: a bare, shallow clone, of which only regular files are written out.

A checkout by libgit2 would write symbolic links that lead anywhere, and run filters; this writes neither.
"""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import urlsplit

import pygit2

from services.scanner.adapters.tree import MAX_FILE_BYTES, MAX_FILES, SKIPPED_FOLDERS
from services.scanner.errors import ScanTooLarge, SourceUnreachable
from shared.security.targets import TargetPolicy, TargetRefused

_SCP_LIKE = re.compile(r"^[\w.-]+@([\w.-]+):(?!//)(.+)$")
_SUFFIXES = (".py", ".json", ".yaml", ".yml")
_REMOTE_SCHEMES = frozenset({"https", "http", "ssh"})
SERVER_TIMEOUT_MS = 30_000
MAX_TOTAL_BYTES = 500_000_000


class _Bounded(pygit2.RemoteCallbacks):
    def __init__(self, megabytes: int) -> None:
        super().__init__()
        self._most = megabytes * 1_000_000

    def transfer_progress(self, stats: pygit2.remotes.TransferProgress) -> None:
        if stats.received_bytes > self._most:
            raise ScanTooLarge(f"The repository is larger than {self._most // 1_000_000} MB.")


def clone(url: str, branch: str, target: Path, targets: TargetPolicy, allow_local: bool, megabytes: int) -> Path:
    """The files of a branch (default: the repository's own) below `target`. Raises a `ScanError`."""
    _check(url, targets, allow_local)
    pygit2.settings.server_timeout = SERVER_TIMEOUT_MS
    pygit2.settings.server_connect_timeout = SERVER_TIMEOUT_MS
    is_local = "://" not in url or url.startswith("file:")
    bare = target.with_name(f"{target.name}.git")
    try:
        repository = pygit2.clone_repository(
            url,
            str(bare),
            bare=True,
            repository=_without_redirects,
            callbacks=_Bounded(megabytes),
            depth=0 if is_local else 1,
        )
    except ScanTooLarge:
        raise
    except (pygit2.GitError, KeyError, ValueError, OSError) as error:
        raise SourceUnreachable(f"The repository cannot be cloned: {str(error)[:300]}", {"url": url}) from error
    _write_out(_commit(repository, branch), target)
    return target


def _check(url: str, targets: TargetPolicy, allow_local: bool) -> None:
    scp_like = _SCP_LIKE.match(url)
    parts = urlsplit(f"ssh://{scp_like.group(1)}/" if scp_like else url)
    if parts.scheme in {"", "file"}:
        if not allow_local:
            raise SourceUnreachable(
                "Repositories of this machine may not be scanned on this installation.", {"url": url}
            )
        return
    try:
        targets.resolve(parts.geturl(), schemes=_REMOTE_SCHEMES)
    except TargetRefused as error:
        raise SourceUnreachable(f"The repository cannot be reached: {error.message}", {"url": url}) from error


def _without_redirects(path: str, bare: bool) -> pygit2.Repository:
    """A redirect could lead to an address that was not checked."""
    repository = pygit2.init_repository(path, bare=bare)
    repository.config["http.followRedirects"] = "false"
    return repository


def _commit(repository: pygit2.Repository, branch: str) -> pygit2.Commit:
    names = [f"refs/heads/{branch}", f"refs/remotes/origin/{branch}", f"refs/tags/{branch}"] if branch else ["HEAD"]
    for name in names:
        try:
            return repository.revparse_single(name).peel(pygit2.Commit)
        except (KeyError, pygit2.GitError):
            continue
    raise SourceUnreachable(f"The repository has no branch {branch!r}.", {"branch": branch})


def _write_out(commit: pygit2.Commit, target: Path) -> None:
    target.mkdir(parents=True)
    waiting: list[tuple[pygit2.Tree, Path]] = [(commit.tree, target)]
    count, size = 0, 0
    while waiting:
        tree, folder = waiting.pop()
        for entry in tree:
            name = entry.name or ""
            if name in {"", ".", "..", ".git"} or "/" in name or "\\" in name or name in SKIPPED_FOLDERS:
                continue
            if isinstance(entry, pygit2.Tree):
                waiting.append((entry, folder / name))
            elif isinstance(entry, pygit2.Blob) and _is_wanted(entry, name):
                count, size = count + 1, size + entry.size
                if count > MAX_FILES or size > MAX_TOTAL_BYTES:
                    raise ScanTooLarge("The repository has too many files.")
                folder.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(entry.data)


def _is_wanted(entry: pygit2.Blob, name: str) -> bool:
    is_link = entry.filemode == pygit2.enums.FileMode.LINK
    return not is_link and name.endswith(_SUFFIXES) and entry.size <= MAX_FILE_BYTES
