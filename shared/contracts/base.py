"""What all contracts share: frozen, additive Pydantic models and the registry of contract events."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from pydantic import BaseModel, ConfigDict

_NAME = re.compile(r"[a-z]+\.[a-z_]+\.v[1-9][0-9]*")
CONTRACT_EVENTS: dict[str, type[ContractEvent]] = {}
"""Every contract event class by its name; filled as the contract modules are imported."""


class Contract(BaseModel):
    """A value that crosses a service boundary: immutable, and tolerant of fields that a newer publisher adds."""

    model_config = ConfigDict(frozen=True, extra="ignore", populate_by_name=True)


class ContractEvent(Contract):
    """A fact that a service publishes. Subclasses set `name`; a breaking change is a new version, never an edit.

    Who it belongs to (organisation), who caused it and when travels beside it, in the CloudEvents attributes.
    """

    name: ClassVar[str] = ""
    project_id: int | None = None

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        if not _NAME.fullmatch(cls.name):
            raise TypeError(f"{cls.__qualname__}.name must look like 'context.event_name.v1', not {cls.name!r}")
        if CONTRACT_EVENTS.setdefault(cls.name, cls) is not cls:
            raise TypeError(f"contract event {cls.name} is declared twice")

    @classmethod
    def context(cls) -> str:
        """The publishing service, the first part of the name."""
        return cls.name.split(".", 1)[0]


class Query(Contract):
    """A read-only question to another service, asked by NATS request and reply (safe to repeat).

    Subclasses set `subject` (`<service>.<question>`) and `reply`.
    """

    subject: ClassVar[str] = ""
    reply: ClassVar[type[Contract]] = Contract
    org_id: str
