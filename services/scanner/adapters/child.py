"""The process of one scan: `python -m services.scanner.adapters.child`, a request on stdin, progress on stdout.

Hostile input can take this process down, but not more memory or time than it was given, and nothing else with it.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import threading
from pathlib import Path
from typing import Any

from services.scanner.adapters.sources import Policy, describe
from services.scanner.adapters.storable import storable
from services.scanner.domain.source import Source
from services.scanner.errors import ScanError
from shared.security.targets import TargetPolicy

RESULT, FAILURE = "result.json", "failure.json"
STACK_BYTES = 512_000_000
RECURSION = 60_000
_FILE_BYTES = 2_000_000_000


def main() -> None:
    """Reads the request, scans in a thread with a deep stack, writes result or failure into the workspace."""
    request = json.loads(sys.stdin.readline())
    _limit(request["memory_mb"], request["time_limit"])
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sys.setrecursionlimit(RECURSION)
    threading.stack_size(STACK_BYTES)
    scan = threading.Thread(target=_scan, args=(request,))
    scan.start()
    scan.join()


def _limit(memory_mb: int, time_limit: float) -> None:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (memory_mb * 1_048_576, memory_mb * 1_048_576))
    resource.setrlimit(resource.RLIMIT_CPU, (int(time_limit) + 1, int(time_limit) + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (_FILE_BYTES, _FILE_BYTES))


def _end_with_parent() -> None:
    sys.stdin.read()
    os._exit(1)


def _scan(request: dict[str, Any]) -> None:
    workspace = Path(request["workspace"])
    policy = Policy(request["allow_local"], TargetPolicy(**request["targets"]), request["clone_mb"])
    try:
        found = describe(Source.of(request["source"]), policy, workspace, _report)
        _write(workspace / RESULT, json.dumps(storable(found.model_dump(mode="python"))))
    except ScanError as error:
        _write(workspace / FAILURE, json.dumps({"code": error.code, "message": error.message}))
    except MemoryError:
        _write(
            workspace / FAILURE,
            json.dumps({"code": "SCAN_005", "message": "The scan needed more memory than it may have."}),
        )


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")


def _report(share: float, message: str) -> None:
    sys.stdout.write(json.dumps({"progress": round(100 * share), "message": message}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
