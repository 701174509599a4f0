"""Values, templates and JSON paths as Python expressions."""

import re
from typing import Any

_TEMPLATE = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_STEP = re.compile(r"\.([A-Za-z_][A-Za-z0-9_]*)|\[(-?[0-9]+)\]|\['((?:[^'\\]|\\.)*)'\]|(\[\*\])")
_BUILT_IN = {"$unique": "unique", "$uuid": "uuid.uuid4()", "$now": "now"}
_WIDE = 80
_INDENT = 4


def variable(name: str, known: set[str]) -> str:
    """The expression for a template variable; what no step extracts comes from the environment."""
    if name in _BUILT_IN:
        return _BUILT_IN[name]
    return name if name in known else f"os.environ[{name.upper()!r}]"


def text(value: str, known: set[str]) -> str:
    """A string, as an f-string where it holds templates, or the bare variable where it is exactly one."""
    names = _TEMPLATE.findall(value)
    if not names:
        return quoted(value)
    whole = _TEMPLATE.fullmatch(value)
    if whole is not None:
        expression = variable(whole.group(1), known)
        return f"str({expression})" if whole.group(1) == "$uuid" else expression
    parts, at = [], 0
    for match in _TEMPLATE.finditer(value):
        parts += [_literal(value[at : match.start()]), "{" + variable(match.group(1), known).replace('"', "'") + "}"]
        at = match.end()
    return 'f"' + "".join([*parts, _literal(value[at:])]) + '"'


def quoted(value: str) -> str:
    """A string literal in double quotes."""
    return '"' + _escaped(value) + '"'


def _literal(value: str) -> str:
    return _escaped(value).replace("{", "{{").replace("}", "}}")


def _escaped(value: str) -> str:
    return repr('"' + value)[2:-1].replace("\\'", "'").replace('"', '\\"')


def rendered(value: Any, known: set[str], depth: int = 0) -> str:
    """Any JSON value with templates, over several lines where it is long."""
    if isinstance(value, str):
        if len(value) > _WIDE * 4 and len(set(value)) == 1:
            return f"{quoted(value[0])} * {len(value)}"
        return text(value, known)
    if isinstance(value, dict):
        items = [f"{text(str(key), known)}: {rendered(inner, known, depth + 1)}" for key, inner in value.items()]
        return _bracketed("{", items, "}", depth)
    if isinstance(value, list | tuple):
        return _bracketed("[", [rendered(inner, known, depth + 1) for inner in value], "]", depth)
    return repr(value)


def _bracketed(left: str, items: list[str], right: str, depth: int) -> str:
    short = left + ", ".join(items) + right
    if len(short) <= _WIDE and "\n" not in short:
        return short
    inner = " " * _INDENT * (depth + 1)
    return left + "\n" + "".join(f"{inner}{item},\n" for item in items) + " " * _INDENT * depth + right


def looked_up(root: str, path: str) -> str | None:
    """A JSON path as subscripts of `root`, with one wildcard as a comprehension; None where it is more than that."""
    steps, at = [], 1
    while at < len(path):
        match = _STEP.match(path, at)
        if match is None:
            return None
        steps.append(match)
        at = match.end()
    wildcards = [index for index, step in enumerate(steps) if step.group(4)]
    if len(wildcards) > 1:
        return None
    if not wildcards:
        return root + "".join(map(_subscript, steps))
    cut = wildcards[0]
    rest = "".join(map(_subscript, steps[cut + 1 :]))
    return f"[item{rest} for item in {root}{''.join(map(_subscript, steps[:cut]))}]"


def _subscript(step: re.Match[str]) -> str:
    name, index, odd, _ = step.groups()
    if index is not None:
        return f"[{index}]"
    key = name if name is not None else re.sub(r"\\(.)", r"\1", odd)
    return f"[{quoted(key)}]"
