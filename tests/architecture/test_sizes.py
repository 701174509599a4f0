"""House rules on size and layout that no linter knows."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINES_OF_A_FILE = 400
LINES_OF_A_FUNCTION = 40
ROOMS = {
    "README.md", "__init__", "module", "api", "schemas", "inbox", "adapters", "published", "views", "application",
    "ports", "domain", "errors", "settings", "migrations",
}  # fmt: skip
NEEDED_ROOMS = {"README.md", "__init__", "module"}
VAGUE = {"utils", "util", "common", "helpers", "helper", "misc"}


def _tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


PYTHON = _tracked("*.py")
SERVICES = sorted(path for path in (ROOT / "services").iterdir() if path.is_dir() and path.name != "__pycache__")


def _functions(tree: ast.AST) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    yield from (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_files_are_short() -> None:
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in PYTHON}
    assert {str(path): lines for path, lines in lengths.items() if lines > LINES_OF_A_FILE} == {}


def test_functions_are_short() -> None:
    long = {
        f"{path.relative_to(ROOT)}:{function.lineno} {function.name}": lines
        for path in PYTHON
        for function in _functions(ast.parse(path.read_text(encoding="utf-8")))
        if (lines := _body_lines(function)) > LINES_OF_A_FUNCTION
    }
    assert long == {}


def _body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Without docstring and signature; a function inside (a route in its router) counts on its own."""
    first, *rest = function.body
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    body = rest if documented else function.body
    if not body:
        return 0
    nested = [node for node in _functions(function) if node is not function]
    lines = set(range(body[0].lineno, (function.end_lineno or 0) + 1))
    for inner in nested:
        lines -= set(range(min([inner.lineno, *(d.lineno for d in inner.decorator_list)]), (inner.end_lineno or 0) + 1))
    return len(lines)


def test_names_say_what_is_inside() -> None:
    assert [str(path) for path in PYTHON if {*path.parts, path.stem} & VAGUE] == []


@pytest.mark.parametrize("service", SERVICES, ids=lambda path: path.name)
def test_a_service_has_the_rooms_and_no_other(service: Path) -> None:
    found = {path.stem if path.suffix == ".py" else path.name for path in service.iterdir()} - {"__pycache__"}
    assert found - ROOMS == set()
    assert NEEDED_ROOMS - found == set()


def test_layers_are_kept() -> None:
    result = subprocess.run(
        [ROOT / ".venv/bin/lint-imports", "--no-logo", "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout


def test_every_import_of_a_locked_package_has_a_hash() -> None:
    for lock in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / lock).read_text(encoding="utf-8")
        requirements = re.findall(r"^[a-z0-9][^\n]*==(?:[^\n]*\\\n)?(?:[^\n]*\n)?", text, flags=re.MULTILINE)
        assert requirements
        assert [line for line in requirements if "--hash=sha256:" not in line] == []


def test_no_file_names_a_package_registry() -> None:
    """Where packages come from is the machine's configuration, not ours."""
    registries = re.compile(
        r"(py" r"pi\.org|python" r"hosted\.org|registry\.npm" r"js\.org|--(extra-)?index-" r"url[ =]h)"
    )
    texts = _tracked("*.py", "*.toml", "*.lock", "*.in", "*.md", "*.yml", "*.yaml", "*.json", "Makefile", "Dockerfile")
    assert [str(path) for path in texts if registries.search(path.read_text(encoding="utf-8", errors="replace"))] == []
