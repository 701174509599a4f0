"""`testgen demo` as a user starts it: exit 0 means that every claim was checked and holds."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from junitparser import JUnitXml

ROOT = Path(__file__).parents[2]


@pytest.mark.req("TG-6", "TG-9", "TG-16", "TG-19", "TG-20", "TG-22", "TG-26")
@pytest.mark.timeout(400)
def test_the_demo_finds_heals_and_leaves_the_bug_red(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "cli", "demo", "--out", str(tmp_path / "reports")]
    environment = {**os.environ, "TMPDIR": str(tmp_path), "COLUMNS": "160"}
    ended = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=380, check=False)
    assert ended.returncode == 0, ended.stdout + ended.stderr

    assert "author → creator" in ended.stdout
    page = (tmp_path / "reports" / "report.html").read_text(encoding="utf-8")
    assert "creator" in page
    failures = sum(suite.failures for suite in JUnitXml.fromfile(str(tmp_path / "reports" / "junit.xml")))
    assert failures > 0
    assert [left.name for left in tmp_path.iterdir()] == ["reports"]
    assert str(tmp_path) not in _command_lines()


def _command_lines() -> str:
    """Of all processes: what the demo started names its temporary folder."""
    found = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found.append(process.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue  # it ended meanwhile
    return "\n".join(found)
