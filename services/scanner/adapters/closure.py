"""Makes schemas self-contained: gathers the definitions that they refer to under `$defs`."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

Schema = dict[str, Any]
MAX_CLOSURE_BYTES = 200_000
"""Of all definitions of one schema together; what is too far away to fit becomes the schema that allows everything."""


@dataclass
class Definition:
    """A named schema, and the names that it refers to."""

    schema: Schema = field(default_factory=dict)
    needs: set[str] = field(default_factory=set)
    size: int = 0

    def measured(self) -> int:
        """Bytes of its JSON, remembered."""
        if not self.size:
            self.size = len(json.dumps(self.schema, default=str))
        return self.size


def close(schema: Schema, needs: Iterable[str], definitions: dict[str, Definition]) -> tuple[Schema, bool]:
    """The schema with what it needs, nearest first, and whether something was too far away to be taken."""
    taken: dict[str, Schema] = {}
    waiting = deque(sorted(needs))
    room, is_cut = MAX_CLOSURE_BYTES, False
    while waiting:
        name = waiting.popleft()
        if name in taken:
            continue
        definition = definitions.get(name, Definition())
        room -= definition.measured()
        if room < 0:
            taken[name], is_cut = {}, True
            continue
        taken[name] = definition.schema
        waiting.extend(sorted(definition.needs))
    return ({**schema, "$defs": taken} if taken else schema), is_cut
