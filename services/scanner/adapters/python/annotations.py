"""Evaluates annotations, those written as text (`"Book"`, `list["Book"]`) included."""

from __future__ import annotations

import ast
import copy
from typing import TYPE_CHECKING

from services.scanner.adapters.python.values import Scope, Value

if TYPE_CHECKING:
    from services.scanner.adapters.python.machine import Machine


class _TextToCode(ast.NodeTransformer):
    """Parses string constants where a type stands; those of `Literal` and of call arguments are values."""

    def visit_Constant(self, node: ast.Constant) -> ast.expr:
        if not isinstance(node.value, str):
            return node
        try:
            parsed = ast.parse(node.value.strip(), mode="eval").body
        except (SyntaxError, ValueError):
            return node
        return ast.fix_missing_locations(ast.copy_location(parsed, node))

    def visit_Call(self, node: ast.Call) -> ast.expr:
        return node

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        name = node.value.attr if isinstance(node.value, ast.Attribute) else getattr(node.value, "id", "")
        if name == "Literal":
            return node
        if name == "Annotated" and isinstance(node.slice, ast.Tuple) and node.slice.elts:
            node.slice.elts[0] = self.visit(node.slice.elts[0])
            return node
        self.generic_visit(node)
        return node


def evaluate_annotation(machine: Machine, node: ast.expr | None, scope: Scope) -> Value:
    """The type that an annotation means; None for no annotation (and for `None`)."""
    if node is None:
        return None
    return machine.evaluate(_TextToCode().visit(copy.deepcopy(node)), scope)
