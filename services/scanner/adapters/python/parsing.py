"""Parses Python source, also such as is newer than the running interpreter.

`ast` first. Where it fails, tree-sitter tells whether the source is merely newer: the new constructs (type
parameters, `type X = …`, `except A, B:`, quotes nested in f-strings) are rewritten in place, line numbers kept, and
`ast` tries again.
"""

from __future__ import annotations

import ast
import warnings
from collections.abc import Iterator

import tree_sitter_python
from tree_sitter import Language, Node, Parser

_LANGUAGE = Language(tree_sitter_python.language())
_Edit = tuple[int, int, bytes]
_EXCEPT_KEYWORDS = ("except", "except*")


class SourceError(Exception):
    """The file is not Python that can be read. `line` is 1-based."""

    def __init__(self, message: str, line: int) -> None:
        super().__init__(message)
        self.line = line


def parse(source: bytes) -> ast.Module:
    """The syntax tree of a module; raises `SourceError`."""
    try:
        return _parse(source)
    except SourceError as error:
        first = error
    root = Parser(_LANGUAGE).parse(source).root_node
    edits = list(_edits(root, source))
    if not edits:
        raise first
    return _parse(_apply(source, edits))


def _parse(source: bytes) -> ast.Module:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return ast.parse(source)
    except SyntaxError as error:
        raise SourceError(error.msg or "invalid syntax", error.lineno or 1) from error
    except (ValueError, RecursionError, MemoryError) as error:
        raise SourceError(f"cannot be parsed: {str(error) or type(error).__name__}", 1) from error


def _edits(root: Node, source: bytes) -> Iterator[_Edit]:
    """Rewrites of the constructs that are newer than Python 3.11, outermost first where they nest."""
    stack = [root]
    while stack:
        node = stack.pop()
        edit = _edit_of(node, source)
        if edit is not None:
            yield edit
            continue
        stack.extend(node.children)


def _edit_of(node: Node, source: bytes) -> _Edit | None:
    if node.type == "type_parameter" and node.parent is not None and node.parent.type.endswith("_definition"):
        return node.start_byte, node.end_byte, _newlines(node)
    if node.type == "type_alias_statement":
        left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
        if left is not None and right is not None:
            name = left.text.split(b"[")[0] if left.text else b"_"
            return node.start_byte, right.start_byte, name + b" = "
    if node.type == "except_clause":
        return _except_edit(node)
    if node.type == "string" and _is_nested_f_string(node):
        return node.start_byte, node.end_byte, _concatenation(node, source) + _newlines(node)
    return None


def _except_edit(node: Node) -> _Edit | None:
    """`except A, B:` without parentheses (Python 3.14) gets them."""
    values = [child for child in node.children if child.is_named and child.type not in {"block", "comment"}]
    commas = [child for child in node.children if child.type == ","]
    if not commas or len(values) < 2:  # noqa: PLR2004
        return None
    start, end = values[0].start_byte, values[-1].end_byte
    offset = node.start_byte
    text = (node.text or b"")[start - offset : end - offset]
    return start, end, b"(" + text + b")"


def _is_nested_f_string(node: Node) -> bool:
    holes = [child for child in node.children if child.type == "interpolation"]
    quote = (node.children[0].text or b"").lstrip(b"fFrRbBtTuU") if node.children else b""
    return any(
        quote[:1] in (hole.text or b"") or b"\n" in (hole.text or b"") or b"\\" in (hole.text or b"") for hole in holes
    )


def _concatenation(node: Node, source: bytes) -> bytes:
    """An f-string as `("a" + str(x) + "b")`: the same value, in older syntax."""
    parts = [b'""']
    for child in node.children:
        if child.type == "string_content":
            text = (child.text or b"").decode("utf-8", "replace")
            parts.append(repr(text.replace("{{", "{").replace("}}", "}")).encode())
        elif child.type == "interpolation":
            expression = child.child_by_field_name("expression")
            if expression is not None:
                inner = _rewritten(expression, source).replace(b"\n", b" ")
                parts.append(b"str(" + inner + b")")
    return b"(" + b" + ".join(parts) + b")"


def _rewritten(node: Node, source: bytes) -> bytes:
    edits = [(start - node.start_byte, end - node.start_byte, new) for start, end, new in _edits(node, source)]
    return _apply(source[node.start_byte : node.end_byte], edits)


def _newlines(node: Node) -> bytes:
    """Keeps the line numbers of what follows; only sound inside of brackets, where all these constructs stand."""
    count = (node.text or b"").count(b"\n")
    return b"\\\n" * count


def _apply(source: bytes, edits: list[_Edit]) -> bytes:
    for start, end, new in sorted(edits, reverse=True):
        source = source[:start] + new + source[end:]
    return source
