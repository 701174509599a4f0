"""The walk through the platform in README.md, run as it stands there (but for the ports)."""

from __future__ import annotations

import json
import re
import socket
import subprocess
from pathlib import Path

import pytest

from cli.platform import running_platform
from cli.version import ROOT

pytestmark = pytest.mark.timeout(300)
WALK = re.compile(r"<!-- walk -->\n```bash\n(.*?)```", re.DOTALL)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.req("TG-22", "TG-26", "TG-30", "DC-7", "TG-R1", "TG-R2", "TG-R3", "TG-R4", "TG-R5", "TG-R6", "TG-R7")
def test_the_walk_of_the_readme(tmp_path: Path) -> None:
    found = WALK.search((ROOT / "README.md").read_text())
    assert found is not None
    with running_platform() as platform:
        script = found[1].replace("127.0.0.1:8000", platform.url.removeprefix("http://"))
        script = script.replace("8099", str(free_port()))
        done = subprocess.run(
            ["bash", "-e", "-c", script], cwd=ROOT, capture_output=True, text=True, timeout=200, check=False
        )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[0] == "15"
    assert json.loads(lines[1])["approved"] > 0
    assert "executor.run_finished.v1 " in lines
    run, failed, now, before, trends = lines[-5:]
    assert json.loads(run)["status"] == "Success"
    assert failed == "0"
    assert (json.loads(now)["percentage"], json.loads(before)["percentage"]) == (100.0, 0.0)
    assert [point["coverage"] for point in json.loads(trends)["runs"]] == [100.0]
