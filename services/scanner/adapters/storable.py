"""What was read, within what events and PostgreSQL can hold: a stranger's document may say anything."""

from __future__ import annotations

import math
import re
from typing import Any

_MOST = 2**63 - 1
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
MOST_DEPTH = 150
"""Levels; what lies deeper becomes null."""


def storable(value: Any, depth: int = 0) -> Any:
    """A JSON value like `value`: numbers of 64 bits at most, no infinities, no NUL and no half characters.

    Large floats are cut too: PostgreSQL keeps `1e300` as an integer of 301 digits.
    """
    if isinstance(value, str):
        return _UNSTORABLE.sub("\ufffd", value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _number(value)
    if not isinstance(value, dict | list | tuple):
        return value
    if depth >= MOST_DEPTH:
        return None
    if not isinstance(value, dict):
        return [storable(item, depth + 1) for item in value]
    return {storable(key): storable(item, depth + 1) for key, item in value.items()}


def _number(value: float) -> float | None:
    bounded = min(max(value, -_MOST), _MOST)  # in this order what is no number stays none
    return None if math.isnan(bounded) else bounded
