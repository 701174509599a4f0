"""`./testgen` makes its environment on first use. With a lock of nothing, so that nothing is downloaded."""

from __future__ import annotations

import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
CLI = "import sys; print('arguments', sys.argv[1:])"


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    shutil.copy(ROOT / "testgen", tmp_path)
    (tmp_path / "requirements.lock").write_text("# nothing\n")
    (tmp_path / "requirements-dev.lock").write_text("# nothing, for development\n")
    (tmp_path / "cli").mkdir()
    (tmp_path / "cli" / "__main__.py").write_text(CLI)
    return tmp_path


def _run(checkout: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [checkout / "testgen", *words], cwd="/", capture_output=True, text=True, check=False, timeout=100
    )


def test_first_use_makes_the_environment_and_later_uses_are_silent(checkout: Path) -> None:
    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(lambda word: _run(checkout, word), ["one", "two"]))
    assert [result.stdout for result in both] == ["arguments ['one']\n", "arguments ['two']\n"]
    assert sum("first use" in result.stderr for result in both) == 1, "only one of them makes it"
    later = _run(checkout, "up", "--port", "1")
    assert (later.returncode, later.stdout, later.stderr) == (0, "arguments ['up', '--port', '1']\n", "")


def test_an_unfinished_or_outdated_environment_is_made_again(checkout: Path) -> None:
    (checkout / ".venv" / "bin").mkdir(parents=True)
    (checkout / ".venv" / "bin" / "python").write_text("#!/bin/sh\nexit 7\n")
    (checkout / ".venv" / "bin" / "python").chmod(0o755)
    assert _run(checkout).returncode == 0
    (checkout / "requirements.lock").write_text("# another\n")
    again = _run(checkout)
    assert (again.returncode, again.stdout) == (0, "arguments []\n")
    assert "making its Python environment" in again.stderr
    (checkout / "requirements.lock").write_text("rich\n")
    refused = _run(checkout)
    assert refused.returncode == 2
    assert "--require-hashes" in refused.stderr


def test_the_environment_for_development_serves_as_well(checkout: Path) -> None:
    assert _run(checkout, "--install-dev").returncode == 0
    result = _run(checkout, "x")
    assert (result.stdout, result.stderr) == ("arguments ['x']\n", "")
