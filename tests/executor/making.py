"""Short ways to write test definitions and to run them."""

from __future__ import annotations

from typing import Any

from services.executor.adapters.http_engine import HttpEngine
from services.executor.ports import Environment, PlannedTest, RunLimits
from shared.contracts.executor import TestResult
from shared.contracts.testcase import LoadProfile, RequestTemplate, StatusAssertion, Step, TestDefinition
from shared.security.targets import TargetPolicy

LOOPBACK = TargetPolicy(allow_loopback=True)


def step(method: str = "GET", path: str = "/echo", *, expect: str | None = None, **more: Any) -> Step:
    """A step; `expect` is a status assertion, fields of the request and of the step may be mixed."""
    of_step = {name: more.pop(name) for name in ("role", "name", "extract", "assertions") if name in more}
    if expect is not None:
        of_step["assertions"] = (StatusAssertion(one_of=(expect,)), *of_step.get("assertions", ()))
    return Step(request=RequestTemplate(method=method, path=path, **more), **of_step)


def planned(*steps: Step, test_id: str = "TC-00001", load: LoadProfile | None = None, **more: Any) -> PlannedTest:
    endpoint_id = more.pop("endpoint_id", 1)
    definition = TestDefinition(steps=steps, load=load, **more)
    return PlannedTest(test_id=test_id, endpoint_id=endpoint_id, definition=definition)


async def run_all(
    environment: Environment, *tests: PlannedTest, engine: HttpEngine | None = None, **limits: Any
) -> list[TestResult]:
    chosen = engine or HttpEngine(LOOPBACK)
    bounds = RunLimits(run_id="run_00001", **limits)
    return [result async for result in chosen.execute(tests, environment, bounds)]


async def run_one(environment: Environment, *steps: Step, **more: Any) -> TestResult:
    (result,) = await run_all(environment, planned(*steps, **more))
    return result
