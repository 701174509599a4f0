"""What analytics needs from outside."""

from __future__ import annotations

from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from sqlalchemy import Connection


class Past(Protocol):
    """Looks at the read model as it was."""

    def at(self, org_id: str, moment: datetime) -> AbstractAsyncContextManager[Connection]:
        """A connection to the organisation's tables as they were at `moment`; gone when the context ends."""


class ProjectDirectory(Protocol):
    """Knows which projects there are before their events have arrived here."""

    async def has(self, org_id: str, project_id: int) -> bool:
        """Whether the organisation has such a project now."""
