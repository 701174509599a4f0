"""Where sockets live: always short enough for the kernel."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.hosting import service_names
from shared.settings import SOCKET_PATH_LIMIT, InfraSettings


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.integers(1, 200), temporary=st.integers(1, 200))
def test_socket_paths_fit_whatever_the_folders_are(data: int, temporary: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", "/" + "t" * temporary)
    own = InfraSettings(data_dir=Path("/" + "d" * data))
    for name in [*service_names(), ".s.PGSQL.65535.lock"]:
        assert len(os.fsencode(own.sockets / name)) <= SOCKET_PATH_LIMIT
    assert own.sockets != InfraSettings(data_dir=Path("/other" + "d" * data)).sockets
