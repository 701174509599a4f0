"""The module graph: which file an import names, and the names that it gives."""

from __future__ import annotations

import sys
from collections import defaultdict
from pathlib import Path, PurePosixPath

from services.scanner.adapters.python.parsing import SourceError, parse
from services.scanner.adapters.python.values import Module
from services.scanner.adapters.tree import SourceTree

_FRAMEWORKS = frozenset({"fastapi", "flask", "starlette", "pydantic", "pydantic_settings", "flask_restful", "werkzeug"})
_NEVER_ELSEWHERE = frozenset(sys.stdlib_module_names) | _FRAMEWORKS


class Program:
    """The Python files of a tree as modules, parsed when first asked for.

    When the root is itself (part of) a package, module names begin above it, as its own imports do.
    """

    def __init__(self, tree: SourceTree) -> None:
        self._tree = tree
        self._prefix = _package_prefix(tree.root)
        self._files = {(*self._prefix, *PurePosixPath(file).parts): file for file in tree.files}
        self._packages = {parts[:-1] for parts in self._files if parts[-1] == "__init__.py"}
        self._folders = {parts[:end] for parts in self._files for end in range(len(parts))}
        self._by_first: dict[str, list[tuple[str, ...]]] = defaultdict(list)
        for folder in sorted(self._folders):
            if folder:
                self._by_first[folder[-1]].append(folder[:-1])
        for parts in self._files:
            self._by_first[parts[-1].removesuffix(".py")].append(parts[:-1])
        self._modules: dict[str, Module] = {}
        self._found: dict[tuple[str, str], str | None] = {}
        self.failures: dict[str, SourceError] = {}

    @property
    def files(self) -> list[str]:
        return self._tree.files

    def module(self, file: str) -> Module:
        """The module of a file of the tree; one that can't be parsed is empty and noted in `failures`."""
        if file not in self._modules:
            parts = (*self._prefix, *PurePosixPath(file).with_suffix("").parts)
            is_package = parts[-1] == "__init__"
            name = ".".join(parts[:-1] if is_package else parts)
            module = Module(name, file, is_package)
            try:
                module.body = parse(self._tree.read(file)).body
            except SourceError as error:
                self.failures[file] = error
            except OSError as error:
                self.failures[file] = SourceError(f"cannot be read: {error.strerror}", 1)
            self._modules[file] = module
        return self._modules[file]

    def absolute(self, importer: Module, name: str, level: int) -> str | None:
        """The dotted name of a relative import, None where it leads out of the tree."""
        if level == 0:
            return name
        parts = importer.name.split(".")
        if not importer.is_package:
            parts = parts[:-1]
        up = level - 1
        if up > len(parts):
            return None
        parts = parts[: len(parts) - up]
        return ".".join([*parts, *([name] if name else [])])

    def find(self, importer: Module, name: str) -> Module | None:
        """The module that an absolute import names, seen from `importer`; None for what is outside of the tree."""
        key = (importer.file.rpartition("/")[0], name)
        if key not in self._found:
            parts = tuple(name.split("."))
            files = (self._file_at(root, parts) for root in self._roots(importer, parts[0]))
            self._found[key] = next((file for file in files if file is not None), None)
        file = self._found[key]
        return None if file is None else self.module(file)

    def submodules(self, package: Module) -> list[str]:
        """Names of the modules directly inside of a package."""
        folder = (*self._prefix, *PurePosixPath(package.file).parts[:-1])
        names = {parts[-1].removesuffix(".py") for parts in self._files if parts[:-1] == folder}
        names |= {parts[-1] for parts in self._packages if parts[:-1] == folder and parts}
        return sorted(names - {"__init__"})

    def _roots(self, importer: Module, first: str) -> list[tuple[str, ...]]:
        """Folders that imports of this file may start from: those above it that are no packages, then others."""
        here = (*self._prefix, *PurePosixPath(importer.file).parts[:-1])
        above = [here[:end] for end in range(len(here), -1, -1) if here[:end] not in self._packages]
        if first in _NEVER_ELSEWHERE:
            return above
        elsewhere = [root for root in self._by_first.get(first, []) if root not in self._packages and root not in above]
        return above + sorted(set(elsewhere), key=lambda root: (-_common(root, here), len(root), root))

    def _file_at(self, root: tuple[str, ...], parts: tuple[str, ...]) -> str | None:
        package = self._files.get((*root, *parts, "__init__.py"))
        if package is not None:
            return package
        return self._files.get((*root, *parts[:-1], f"{parts[-1]}.py"))


def _package_prefix(root: Path) -> tuple[str, ...]:
    prefix: list[str] = []
    folder = root.resolve()
    while (folder / "__init__.py").exists() and folder.parent != folder:
        prefix.insert(0, folder.name)
        folder = folder.parent
    return tuple(prefix)


def _common(left: tuple[str, ...], right: tuple[str, ...]) -> int:
    length = 0
    for one, other in zip(left, right, strict=False):
        if one != other:
            break
        length += 1
    return length
