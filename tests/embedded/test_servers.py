"""The embedded servers: start, stop, restart, faults, ownership. Against the real servers."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import nats
import psutil
import psycopg
import pytest
from nats.errors import Error as NatsError

from shared.embedded import DataDirInUse, EmbeddedError, EmbeddedNats, EmbeddedServers
from shared.embedded.guard import alive

_OWNER = """
import sys, json
from pathlib import Path
from shared.embedded import EmbeddedServers
servers = EmbeddedServers(Path(sys.argv[1]))
servers.start()
print(json.dumps([servers.postgres.pid_file.read_text().split()[0], servers.nats.pid_file.read_text()]), flush=True)
sys.stdin.read()
"""


@pytest.fixture
def data_dir() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="tg-"))
    yield folder
    shutil.rmtree(folder)


@pytest.fixture
def servers(data_dir: Path) -> Iterator[EmbeddedServers]:
    with EmbeddedServers(data_dir) as started:
        yield started


def _keep(servers: EmbeddedServers, value: int) -> None:
    with psycopg.connect(servers.addresses.database_url) as connection:
        connection.execute("CREATE TABLE IF NOT EXISTS kept (value int)")
        connection.execute("INSERT INTO kept VALUES (%s)", [value])


def _kept(servers: EmbeddedServers) -> list[int]:
    with psycopg.connect(servers.addresses.database_url) as connection:
        return [value for (value,) in connection.execute("SELECT value FROM kept ORDER BY value")]


async def _publish(servers: EmbeddedServers) -> int:
    client = await nats.connect(servers.addresses.nats_url, allow_reconnect=False)
    stream = client.jetstream()
    await stream.add_stream(name="KEPT", subjects=["kept"])
    sequence = (await stream.publish("kept", b"x")).seq
    await client.close()
    return sequence


async def test_data_and_addresses_survive_kills_of_both_servers(servers: EmbeddedServers) -> None:
    before = servers.addresses
    _keep(servers, 1)
    assert await _publish(servers) == 1
    servers.kill_postgres()
    servers.kill_nats()
    servers.restart_postgres()
    servers.restart_nats()
    assert servers.addresses == before
    assert _kept(servers) == [1]
    assert await _publish(servers) == 2


def test_starting_twice_and_stopping_twice_changes_nothing(data_dir: Path) -> None:
    servers = EmbeddedServers(data_dir)
    assert servers.start() == servers.start()
    servers.stop()
    servers.stop()
    assert servers.start() == servers.addresses
    servers.stop()


def test_a_second_owner_of_the_folder_gets_a_clear_error(servers: EmbeddedServers) -> None:
    with pytest.raises(DataDirInUse, match=f"in use by another TestGen \\(process {os.getpid()}\\)"):
        EmbeddedServers(servers.data_dir).start()
    _keep(servers, 1)


def test_a_folder_that_cannot_hold_data_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for folder in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/nowhere")):
        with pytest.raises(EmbeddedError, match=f"{folder} cannot hold the data: "):
            EmbeddedServers(folder).start()


def test_kill_9_of_the_owner_stops_the_servers_and_does_not_block_the_next_start(data_dir: Path) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER, str(data_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert owner.stdout is not None
    left = [psutil.Process(int(pid)) for pid in json.loads(owner.stdout.readline())]
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    with EmbeddedServers(data_dir) as next_owner:
        _keep(next_owner, 2)
        assert not [process for process in left if alive(process)]
        assert _kept(next_owner) == [2]


def test_kill_9_of_the_owner_leaves_nothing_running(data_dir: Path) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER, str(data_dir)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert owner.stdout is not None
    left = [psutil.Process(int(pid)) for pid in json.loads(owner.stdout.readline())]
    guards = [p for p in psutil.process_iter() if _is_guard_of(p, data_dir)]
    assert len(guards) == 1
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    deadline = time.monotonic() + 30
    while any(alive(process) for process in [*left, *guards]):
        assert time.monotonic() < deadline, "servers are left running"


def _is_guard_of(process: psutil.Process, data_dir: Path) -> bool:
    try:
        words = process.cmdline()
    except psutil.Error:
        return False
    return any(word.endswith("guard.py") for word in words) and str(data_dir / "owner.lock") in words


async def test_the_servers_are_closed_to_others(servers: EmbeddedServers) -> None:
    stranger = servers.addresses.nats_url.split("@")[1]
    with pytest.raises(NatsError):
        await nats.connect(f"nats://{stranger}", allow_reconnect=False, connect_timeout=2, max_reconnect_attempts=0)
    url = servers.addresses.database_url
    password = url.split(":")[2].split("@")[0]
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(url.replace(password, "wrong"))
    place = servers.postgres.place
    for path in (place.sockets, place.home / "password", place.data, servers.nats.home, servers.nats.config_file):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0, path


def test_durability_settings_are_on(servers: EmbeddedServers) -> None:
    with psycopg.connect(servers.addresses.database_url) as connection:
        for name, value in {"fsync": "on", "synchronous_commit": "on", "listen_addresses": ""}.items():
            assert connection.execute(f"SHOW {name}").fetchone() == (value,)
        row = connection.execute("SHOW max_connections").fetchone()
        assert row is not None
        assert int(row[0]) >= 200
    assert "sync_interval: always" in servers.nats.config_file.read_text()


def test_an_interrupted_initdb_is_made_again(data_dir: Path) -> None:
    servers = EmbeddedServers(data_dir)
    unfinished = servers.postgres.place.home / "data.new"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18")
    with servers:
        _keep(servers, 1)


def test_a_taken_nats_port_is_changed(data_dir: Path) -> None:
    first, second = EmbeddedNats(data_dir / "a"), EmbeddedNats(data_dir / "b")
    first.start()
    try:
        shutil.copytree(first.home, second.home, ignore=shutil.ignore_patterns("store", "nats.pid"))
        second.start()
        assert first.url != second.url
    finally:
        first.stop()
        second.stop()


@pytest.mark.parametrize("depth", [1, 12])
def test_folders_that_are_closed_or_deep_work(data_dir: Path, depth: int) -> None:
    """A closed parent can't be reached by PostgreSQL's user under root; a deep one is too long for a socket."""
    data_dir.chmod(0o700)
    deep = data_dir.joinpath(*["a folder"] * depth)
    with EmbeddedServers(deep) as servers:
        _keep(servers, 1)
        home = servers.postgres.place.home
    assert stat.S_IMODE(data_dir.stat().st_mode) == 0o700
    shutil.rmtree(home)


def test_they_stop_though_their_folder_is_gone(data_dir: Path) -> None:
    servers = EmbeddedServers(data_dir / "gone")
    servers.start()
    shutil.rmtree(data_dir / "gone")
    servers.stop()
    assert _processes_of(data_dir) == []


def test_kill_9_of_the_owner_stops_them_though_their_folder_is_gone(data_dir: Path) -> None:
    owner = subprocess.Popen(
        [sys.executable, "-c", _OWNER, str(data_dir / "gone")], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert owner.stdout is not None
    assert owner.stdout.readline()
    shutil.rmtree(data_dir / "gone")
    owner.send_signal(signal.SIGKILL)
    owner.wait()
    deadline = time.monotonic() + 30
    while _processes_of(data_dir):
        assert time.monotonic() < deadline, "servers are left running"


def _processes_of(folder: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if str(folder) in " ".join(process.cmdline()):
                found.append(process)
    return found
