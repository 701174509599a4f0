"""Keyset pagination: a page of a list, and the opaque cursor to the next one."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Generic, Self, TypeVar

import orjson
from fastapi import Depends, Query
from pydantic import BaseModel

from shared.errors import InvalidInput

MAX_LIMIT = 100
DEFAULT_LIMIT = 50
_MAX_CURSOR_LENGTH = 1024

T = TypeVar("T")
Key = list[str | int | float | bool | None]
"""The sort values of a row; the last one is unique."""


@dataclass(frozen=True)
class PageRequest:
    """What the client asked for: rows after `key` (None: from the start), at most `limit`. Fetch `limit + 1` rows."""

    key: Key | None
    limit: int

    def number_after(self, highest: int = 2**63 - 1) -> int:
        """The key of a list that is ordered by one ascending number; 0 for the first page."""
        return int(self._single(int, 0, lambda value: 0 <= value <= highest))

    def text_after(self) -> str:
        """The key of a list that is ordered by one ascending text; empty for the first page."""
        return str(self._single(str, "", lambda value: "\x00" not in value))

    def _single(self, kind: type[T], start: T, valid: Callable[[T], bool]) -> T:
        if self.key is None:
            return start
        if len(self.key) == 1 and type(self.key[0]) is kind and valid(self.key[0]):
            return self.key[0]
        raise _invalid_cursor()


def page_request(
    cursor: Annotated[str | None, Query(description="`next_cursor` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT, description="Items on a page.")] = DEFAULT_LIMIT,
) -> PageRequest:
    """The dependency behind `PageQuery`."""
    return PageRequest(decode_cursor(cursor) if cursor else None, limit)


PageQuery = Annotated[PageRequest, Depends(page_request)]


class Page(BaseModel, Generic[T]):
    """One page of a list. `total_count` counts the whole list under the same filters."""

    items: list[T]
    total_count: int
    page_size: int
    next_cursor: str | None
    has_more: bool

    @classmethod
    def of(cls, rows: Sequence[T], page: PageRequest, *, total: int, key: Callable[[T], Key]) -> Self:
        """A page of up to `page.limit + 1` fetched rows: one too many says that there is more."""
        items = list(rows[: page.limit])
        has_more = len(rows) > page.limit
        return cls(
            items=items,
            total_count=total,
            page_size=len(items),
            next_cursor=encode_cursor(key(items[-1])) if has_more else None,
            has_more=has_more,
        )


def encode_cursor(key: Key) -> str:
    """The cursor that stands for these sort values."""
    return base64.urlsafe_b64encode(orjson.dumps(key)).decode().rstrip("=")


def decode_cursor(cursor: str) -> Key:
    """The sort values of a cursor; `InvalidInput` for anything that no server of ours made."""
    try:
        if len(cursor) > _MAX_CURSOR_LENGTH:
            raise ValueError("too long")
        key: Any = orjson.loads(base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True))
    except (ValueError, binascii.Error) as error:
        raise _invalid_cursor() from error
    if not isinstance(key, list) or not key or not all(isinstance(part, str | int | float | None) for part in key):
        raise _invalid_cursor()
    return key


def _invalid_cursor() -> InvalidInput:
    return InvalidInput("The cursor is not valid.", {"fields": [{"field": "query.cursor", "message": "not a cursor"}]})
