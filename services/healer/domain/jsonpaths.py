"""JSON paths as far as a test can name one place: `$.items[0]['odd name']`, with indices and wildcards."""

from __future__ import annotations

import re
from dataclasses import dataclass

_SEGMENT = re.compile(
    r"""\.(?P<dot>[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*)
      | \[(?P<index>-?\d+)\]
      | (?P<wild>\.\*|\[\*\])
      | \['(?P<single>(?:[^'\\]|\\.)*)'\]
      | \["(?P<double>(?:[^"\\]|\\.)*)"\]""",
    re.VERBOSE,
)
_IDENTIFIER = re.compile(r"[A-Za-z_\u0080-\uffff][A-Za-z0-9_\u0080-\uffff]*")


@dataclass(frozen=True)
class Segment:
    """One step of a path: a member name, or (`name` is None) an index or wildcard. `text` is how it is written."""

    text: str
    name: str | None = None


def parse(path: str) -> tuple[Segment, ...] | None:
    """The segments of a path; None where it is more than a chain of names, indices and wildcards."""
    if not path.startswith("$"):
        return None
    segments, position = [], 1
    while position < len(path):
        match = _SEGMENT.match(path, position)
        if match is None:
            return None
        segments.append(Segment(match.group(), _name(match)))
        position = match.end()
    return tuple(segments)


def render(segments: tuple[Segment, ...]) -> str:
    """The text of a path; the inverse of `parse`."""
    return "$" + "".join(segment.text for segment in segments)


def member(name: str) -> Segment:
    """The segment for a member name, in shorthand where the grammar allows it."""
    if _IDENTIFIER.fullmatch(name):
        return Segment(f".{name}", name)
    escaped = name.replace("\\", "\\\\").replace("'", "\\'")
    return Segment(f"['{escaped}']", name)


def _name(match: re.Match[str]) -> str | None:
    if match["dot"] is not None:
        return match["dot"]
    quoted = match["single"] if match["single"] is not None else match["double"]
    return None if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
