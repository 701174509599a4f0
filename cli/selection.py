"""Which endpoints and which tests of them are wanted."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from cli.transport import Json

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})


@dataclass(frozen=True)
class Selection:
    """Patterns of endpoints are `METHOD`, `/path*` or `METHOD /path*` (`*` matches any part of the path).

    Nothing included means everything; what is excluded is out in any case.
    """

    include: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    test_types: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    exclude_categories: tuple[str, ...] = ()

    def wants_endpoint(self, endpoint: Json) -> bool:
        operation = endpoint["operation"]
        method, path = operation["method"].upper(), operation["path"]
        if any(_matches(pattern, method, path) for pattern in self.exclude):
            return False
        return not self.include or any(_matches(pattern, method, path) for pattern in self.include)

    def wants_test(self, test: Json) -> bool:
        if self.test_types and test["test_type"].lower() not in _lower(self.test_types):
            return False
        if test["category"].lower() in _lower(self.exclude_categories):
            return False
        return not self.categories or test["category"].lower() in _lower(self.categories)

    def generation(self) -> dict[str, Any]:
        """What a generation request says of it (categories are chosen among what was generated)."""
        return {"test_types": [each.capitalize() for each in self.test_types]} if self.test_types else {}


def _matches(pattern: str, method: str, path: str) -> bool:
    first, _, rest = pattern.strip().partition(" ")
    if first.upper() in _METHODS:
        return first.upper() == method and (not rest or fnmatchcase(path, rest.strip()))
    return fnmatchcase(path, pattern.strip())


def _lower(words: tuple[str, ...]) -> set[str]:
    return {word.lower() for word in words}
