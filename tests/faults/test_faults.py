"""kill -9 of each service and restarts of the servers in the middle of a run, with every service its own process.

Afterwards the run completes, each test has exactly one result, nothing is dead-lettered, and every read model equals
its rebuilt self.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator

import pytest

from shared.contracts.executor import HealingRequested
from shared.hosting import service_names
from tests.faults.world import World, small_world

pytestmark = pytest.mark.timeout(900)


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with small_world(service_names()) as made:
        yield made


def revive(world: World, service: str) -> None:
    world.platform.processes[service].kill()
    world.platform.start(service)


@pytest.mark.parametrize("service", service_names())
def test_a_killed_service_costs_nothing(world: World, service: str) -> None:
    world.move_the_contract()
    run_id = world.start_run()
    world.reach_the_middle(run_id)
    revive(world, service)
    world.check(run_id)


def test_a_healer_killed_while_it_heals(world: World) -> None:
    world.move_the_contract()
    run_id = world.start_run()
    world.wait_for_event(HealingRequested, run_id)
    revive(world, "healer")
    world.check(run_id)


def test_an_executor_killed_again_and_again(world: World) -> None:
    world.move_the_contract()
    run_id = world.start_run()
    for _ in range(3):
        world.wait_for_requests(20)
        revive(world, "executor")
    world.check(run_id)


@pytest.mark.parametrize("how", ["stopped", "killed", "killed, and its data lost"])
def test_nats_is_gone_for_a_while(world: World, how: str) -> None:
    world.move_the_contract()
    run_id = world.start_run()
    world.reach_the_middle(run_id)
    servers = world.platform.servers
    if how != "stopped":
        servers.kill_nats()
    if how.endswith("lost"):
        shutil.rmtree(servers.nats.home / "store")
    servers.restart_nats()
    world.check(run_id)


@pytest.mark.req("BO-28")
@pytest.mark.parametrize("how", ["stopped", "killed"])
def test_postgresql_is_gone_for_a_while(world: World, how: str) -> None:
    world.move_the_contract()
    run_id = world.start_run()
    world.reach_the_middle(run_id)
    if how == "killed":
        world.platform.servers.kill_postgres()
    world.platform.servers.restart_postgres()
    world.check(run_id)


def test_everything_is_killed_at_once(world: World) -> None:
    world.move_the_contract()
    run_id = world.start_run()
    world.reach_the_middle(run_id)
    for process in world.platform.processes.values():
        process.kill()
    world.platform.servers.kill_nats()
    world.platform.servers.kill_postgres()
    world.platform.servers.restart_nats()
    world.platform.servers.restart_postgres()
    world.platform.start_all()
    world.check(run_id)
