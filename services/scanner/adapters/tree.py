"""The files of a checkout that are worth reading: bounded, without tests, dependencies and links out of it."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

SKIPPED_FOLDERS = frozenset(
    {
        "tests", "test", "testing", "__tests__", "spec", "specs", "e2e", "node_modules", "site-packages",
        "dist-packages", "__pycache__", "venv", "env", "virtualenv", "build", "dist", "target", "vendor",
        "bower_components", "migrations", "alembic", "htmlcov",
    }
)  # fmt: skip
MAX_FILES = 200_000
MAX_FILE_BYTES = 4_000_000
MAX_DEPTH = 60


@dataclass
class SourceTree:
    """The readable files below `root`, relative and sorted, and what was left out."""

    root: Path
    files: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def read(self, file: str) -> bytes:
        return (self.root / file).read_bytes()


def read_tree(root: Path, suffixes: frozenset[str]) -> SourceTree:
    """Lists the files with one of these suffixes. Links are not followed."""
    tree = SourceTree(root)
    for path in _walk(root, tree):
        name = path.name
        if path.suffix not in suffixes or _is_test(name):
            continue
        if path.is_symlink() or not path.is_file():
            tree.warnings.append(f"{path.relative_to(root)}: skipped, not a regular file")
        elif path.stat().st_size > MAX_FILE_BYTES:
            tree.warnings.append(f"{path.relative_to(root)}: skipped, larger than {MAX_FILE_BYTES // 1_000_000} MB")
        else:
            tree.files.append(path.relative_to(root).as_posix())
    tree.files.sort()
    return tree


def _walk(root: Path, tree: SourceTree) -> Iterator[Path]:
    seen = 0
    for folder, folders, files in os.walk(root, followlinks=False):
        here = Path(folder)
        depth = len(here.relative_to(root).parts)
        folders[:] = sorted(name for name in folders if depth < MAX_DEPTH and not _is_skipped(here / name))
        for name in files:
            seen += 1
            if seen > MAX_FILES:
                tree.warnings.append(f"only the first {MAX_FILES} files were looked at")
                return
            yield here / name


def _is_skipped(folder: Path) -> bool:
    name = folder.name
    return name.lower() in SKIPPED_FOLDERS or name.startswith(".") or (folder / "pyvenv.cfg").exists()


def _is_test(name: str) -> bool:
    return name.startswith("test_") or name.endswith("_test.py") or name in {"conftest.py", "setup.py"}
