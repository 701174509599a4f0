"""The whole journey over HTTP, in both modes: all services in one process, and every service its own process.

Nothing in the system may tell the modes apart, so the same journey runs in both.
"""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from cli.client import Client
from cli.errors import Refused
from cli.platform import Platform, running_platform
from shared.hosting import service_names
from tests.support.sample_api import SOURCE, serving_library

pytestmark = pytest.mark.timeout(300)
MODES = {"all in one process": ("all",), "each service a process": tuple(service_names())}
FINISHED = {"Success", "Failed", "Partial"}


@pytest.fixture(scope="module", params=MODES.values(), ids=MODES.keys())
def platform(request: pytest.FixtureRequest) -> Iterator[Platform]:
    with running_platform(targets=request.param) as running:
        yield running


@pytest.fixture(scope="module")
def library() -> Iterator[str]:
    with serving_library() as url:
        yield url


def registered(platform: Platform, email: str) -> Client:
    client = Client(platform.url)
    client.register(email, "Correct-horse-7-battery")
    client.login(email, "Correct-horse-7-battery")
    return client


@dataclass
class Travelled:
    """What a journey left behind."""

    client: Client
    project_id: int
    scan: dict[str, Any]
    run: dict[str, Any]
    results: list[dict[str, Any]]


@pytest.fixture(scope="module")
def travelled(platform: Platform, library: str) -> Iterator[Travelled]:
    """register → project → scan → generate → approve → run."""
    client = registered(platform, "traveller@example.com")
    project_id = client.create_project("Library", api_base_url=library)["id"]
    scan = client.scan(project_id, {"source": {"kind": "path", "path": str(SOURCE)}}, seconds=60)
    client.generate(project_id, seconds=60)
    client.approve(project_id, [test["id"] for test in client.test_cases(project_id)])
    environment = {"base_url": library, "auth": {"kind": "bearer", "token": library_token(library)}}
    run_id = client.start_run(project_id, {"environment": environment})["id"]
    run = client.wait_for_run(project_id, run_id, seconds=180)
    yield Travelled(client, project_id, scan, run, client.results(project_id, run_id))
    client.__exit__()


def library_token(url: str) -> str:
    credentials = json.dumps({"username": "librarian", "password": "quiet-please"}).encode()
    request = urllib.request.Request(f"{url}/auth/login", credentials, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return str(json.load(answer)["access_token"])


@pytest.mark.req("TG-6", "TG-R3")
def test_the_scan_finds_every_operation_of_the_source(travelled: Travelled, library: str) -> None:
    with urllib.request.urlopen(f"{library}/openapi.json", timeout=10) as answer:
        paths = json.load(answer)["paths"]
    documented = {(method.upper(), path) for path, methods in paths.items() for method in methods}
    endpoints = travelled.client.endpoints(travelled.project_id)
    found = {(each["operation"]["method"], each["operation"]["path"]) for each in endpoints}
    assert found == documented
    assert travelled.scan["endpoints_found"] == len(documented)


@pytest.mark.req("TG-10", "TG-14", "TG-15")
def test_generated_tests_have_ids_and_are_approved(travelled: Travelled) -> None:
    tests = travelled.client.test_cases(travelled.project_id)
    assert len({test["id"] for test in tests}) == len(tests) > 0
    assert all(test["id"].startswith("TC-") for test in tests)
    assert {test["status"] for test in tests} == {"Approved"}


@pytest.mark.req("TG-16", "TG-17", "TG-R6")
def test_the_run_ends_with_one_result_for_every_test(travelled: Travelled) -> None:
    tests = {test["id"] for test in travelled.client.test_cases(travelled.project_id)}
    run, results = travelled.run, travelled.results
    assert run["id"].startswith("run_")
    assert run["status"] in FINISHED
    assert sorted(result["test_id"] for result in results) == sorted(tests)
    counted = {status: sum(result["status"] == status.title() for result in results) for status in
               ("passed", "failed", "skipped", "healed")}  # fmt: skip
    assert {status: run[status] for status in counted} == counted
    assert counted["passed"] > len(tests) / 2


@pytest.mark.req("TG-22", "TG-23", "TG-26")
def test_analytics_follows(travelled: Travelled) -> None:
    coverage = travelled.client.settled_coverage(travelled.project_id, travelled.run["id"], seconds=60)
    assert coverage["total_endpoints"] == len(travelled.client.endpoints(travelled.project_id))
    assert 0 < coverage["percentage"] <= 100
    assert travelled.client.trends(travelled.project_id)


@pytest.mark.req("TG-4")
def test_strangers_see_nothing(travelled: Travelled, platform: Platform) -> None:
    with registered(platform, "stranger@example.com") as stranger:
        for look in (stranger.project, stranger.endpoints, stranger.test_cases, stranger.coverage):
            with pytest.raises(Refused) as refused:
                look(travelled.project_id)
            assert refused.value.status == 404


def test_health_and_documentation_are_served(platform: Platform) -> None:
    for where in ("/health/live", "/health/ready", "/openapi.json"):
        with urllib.request.urlopen(platform.url + where, timeout=10) as answer:
            assert answer.status == 200
