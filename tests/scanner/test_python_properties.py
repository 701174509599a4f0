"""A random route table, written as a program in one of many ways, comes back from the scan as it was (TG-6)."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings

from tests.scanner.fastapi_programs import fastapi_programs
from tests.scanner.flask_programs import flask_programs
from tests.scanner.programs import Program, scanned, table


def assert_table_comes_back(program: Program) -> None:
    with tempfile.TemporaryDirectory() as folder:
        found = scanned(Path(folder), program)
    assert table(found) == program.expected, (found.warnings, program.files)


@pytest.mark.req("TG-6")
@settings(max_examples=150, deadline=None)
@given(fastapi_programs())
def test_fastapi_route_tables_come_back(program: Program) -> None:
    assert_table_comes_back(program)


@pytest.mark.req("TG-6")
@settings(max_examples=150, deadline=None)
@given(flask_programs())
def test_flask_route_tables_come_back(program: Program) -> None:
    assert_table_comes_back(program)
