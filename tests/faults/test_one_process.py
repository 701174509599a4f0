"""The same faults with all services in one process, as `testgen up` runs them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.faults.world import World, small_world

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with small_world(["all"]) as made:
        yield made


def test_the_process_is_killed(world: World) -> None:
    world.move_the_contract()
    run_id = world.start_run()
    world.reach_the_middle(run_id)
    world.platform.processes["all"].kill()
    world.platform.start("all")
    world.check(run_id)


def test_both_servers_are_killed(world: World) -> None:
    world.move_the_contract()
    run_id = world.start_run()
    world.reach_the_middle(run_id)
    world.platform.servers.kill_nats()
    world.platform.servers.kill_postgres()
    world.platform.servers.restart_nats()
    world.platform.servers.restart_postgres()
    world.check(run_id)
