"""What TestGen may reach: public addresses only, except where it serves just the person who started it."""

from __future__ import annotations

import pytest

from cli.platform import OWN_MACHINE
from services.executor.settings import ExecutorSettings
from services.scanner.settings import ScannerSettings

CLOSED = {"allow_loopback": False, "allow_private": False}


@pytest.fixture
def unset(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OWN_MACHINE:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("unset")
def test_an_installation_is_closed_unless_told_otherwise() -> None:
    assert ExecutorSettings().model_dump(include=set(CLOSED)) == CLOSED
    assert ScannerSettings().model_dump(include={*CLOSED, "allow_local"}) == {**CLOSED, "allow_local": False}


def test_every_permission_is_one_that_a_service_knows(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in OWN_MACHINE:
        monkeypatch.setenv(name, "true")
    granted = [*ExecutorSettings().model_dump().items(), *ScannerSettings().model_dump().items()]
    allowed = [value for name, value in granted if name.startswith("allow_")]
    assert len(allowed) == len(OWN_MACHINE)
    assert all(allowed)
