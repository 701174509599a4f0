"""Scans in their own process: sources of every kind, limits, cancel, and input that means harm."""

from __future__ import annotations

import json
import os
from pathlib import Path

import orjson
import pygit2
import pytest

from services.scanner.adapters.process import ProcessScanner
from services.scanner.domain.source import Source
from services.scanner.errors import ScanTooLarge, SourceUnreachable
from services.scanner.ports import ScanStopped
from services.scanner.settings import ScannerSettings
from shared.contracts.scanner import ApiDescription

APP = "from fastapi import FastAPI\napp = FastAPI()\n@app.get('/ok')\ndef ok(): ...\n"


def scanned(source: Source, **settings: object) -> ApiDescription:
    scanner = ProcessScanner(ScannerSettings.model_validate({"allow_local": True, **settings}))
    return scanner.scan(source, lambda _share, _message: None, lambda: False)


def repository(folder: Path, files: dict[str, bytes], links: dict[str, str]) -> Path:
    repo = pygit2.init_repository(str(folder))
    builder = repo.TreeBuilder()
    for name, data in files.items():
        builder.insert(name, repo.create_blob(data), pygit2.enums.FileMode.BLOB)
    for name, target in links.items():
        builder.insert(name, repo.create_blob(target.encode()), pygit2.enums.FileMode.LINK)
    signature = pygit2.Signature("a", "a@example.com")
    repo.create_commit("refs/heads/main", signature, signature, "c", builder.write(), [])
    repo.set_head("refs/heads/main")
    return folder


@pytest.mark.req("TG-R3", "TG-31")
def test_a_repository_is_cloned_and_its_links_are_not_followed(tmp_path: Path) -> None:
    secret = tmp_path / "secret.py"
    secret.write_text(APP.replace("/ok", "/secret"))
    repo = repository(tmp_path / "repo", {"app.py": APP.encode()}, {"link.py": str(secret), "folder": str(tmp_path)})
    found = scanned(Source("git", url=f"file://{repo}", branch="main"))
    assert [item.path for item in found.operations] == ["/ok"]
    with pytest.raises(SourceUnreachable, match="no branch 'other'"):
        scanned(Source("git", url=f"file://{repo}", branch="other"))
    with pytest.raises(SourceUnreachable, match="may not be scanned"):
        scanned(Source("git", url=f"file://{repo}"), allow_local=False)


def test_a_link_out_of_a_folder_is_skipped(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x.py").write_text(APP.replace("/ok", "/secret"))
    inside = tmp_path / "inside"
    inside.mkdir()
    (inside / "app.py").write_text(APP)
    (inside / "link.py").symlink_to(outside / "x.py")
    (inside / "folder").symlink_to(outside)
    found = scanned(Source("path", path=str(inside)))
    assert [item.path for item in found.operations] == ["/ok"]
    assert any("link.py" in warning for warning in found.warnings)


HOSTILE = {
    "nesting": "x = " + "(" * 5000 + ")" * 5000,
    "operators": "x = " + "-" * 20000 + "1",
    "long_line": "x = [" + "1," * 900_000 + "]",
    "repetition": "x = 'a' * 10**12\ny = [0] * 10**12\nz = 10 ** 10 ** 10\nb = 1 << 10**10\n",
    "doubling": "x = 'a'\n" + "x = x + x\n" * 200,
    "lists": "x = [1]\n" + "x = x + x\n" * 200,
    "formats": "x = '{:>1000000000}'.format('a')\ny = '%1000000000d' % 1\n",
    "loops": "while True:\n    pass\nfor i in range(10**12):\n    c = [i for i in range(9999)]\n",
    "recursion": "def f(x):\n    return f(f(x))\nf(1)\ng = lambda x: x(x)\ng(g)\n",
    "classes": "class A: ...\nclass A(A): ...\nclass B(B): ...\nclass C(list[C]): ...\n",
    "itself": "from hostile import *\nfrom hostile import x\nl = []\nl.append(l)\nd = {}\nd['d'] = d\nprint(l, d)\n",
    "binary": "\x00\x01\x02",
    "encoding": "# -*- coding: no-such-thing -*-\nx = 1\n",
}


@pytest.mark.req("TG-7")
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_source_costs_bounded_time_and_memory(tmp_path: Path, name: str) -> None:
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "hostile.py").write_text("import fastapi\n" + HOSTILE[name])
    found = scanned(Source("path", path=str(tmp_path)), memory_mb=2048, time_limit=60)
    assert [item.path for item in found.operations] == ["/ok"]


def test_the_time_limit_holds(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    with pytest.raises(ScanTooLarge, match="longer than"):
        scanned(Source("path", path=str(tmp_path)), time_limit=0.01)


def test_a_cancelled_scan_stops_and_leaves_nothing_running(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP)
    before = _children()
    with pytest.raises(ScanStopped):
        ProcessScanner(ScannerSettings(allow_local=True)).scan(
            Source("path", path=str(tmp_path)), lambda _share, _message: None, lambda: True
        )
    assert _children() == before


def _children() -> set[str]:
    return set(Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split())


def test_what_no_event_can_hold_is_made_storable() -> None:
    deep: dict[str, object] = {"type": "string"}
    for _ in range(400):
        deep = {"type": "array", "items": deep}
    numbers = {"type": "integer", "minimum": -(10**400), "maximum": 10**30, "exclusiveMaximum": 1.7e308}
    schemas = [deep, numbers, {"enum": ["a\x00b", "\ud800", float("inf"), float("nan")]}]
    paths = {
        f"/{number}": {
            "post": {"summary": "\x00\udfff", "requestBody": {"content": {"application/json": {"schema": one}}}}
        }
        for number, one in enumerate(schemas)
    }
    document = json.dumps({"openapi": "3.0.3", "info": {"title": "t", "version": "1"}, "paths": paths})
    found = scanned(Source("openapi", document=document))
    assert [item.path for item in found.operations] == ["/0", "/1", "/2"]
    stored = orjson.dumps(found.model_dump(mode="json")).decode()
    assert "\\u0000" not in stored
    assert stored.count(str(2**63 - 1)) >= 3  # both ends, and a float that PostgreSQL would make an integer
