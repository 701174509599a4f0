"""What the executor needs from outside: an engine that performs test cases, and what it is told about the target."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from typing import Any, Literal, Protocol

from pydantic import BaseModel, ConfigDict

from shared.contracts.executor import TestResult
from shared.contracts.projects import Project
from shared.contracts.testcase import TestCase, TestDefinition


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class AuthProfile(_Value):
    """One identity at the target. Which fields count depends on `kind`."""

    kind: Literal["none", "bearer", "basic", "api_key"] = "none"
    token: str = ""
    """bearer: the token; api_key: the key."""
    username: str = ""
    password: str = ""
    name: str = "X-API-Key"
    """api_key: the header, query parameter or cookie that carries it."""
    location: Literal["header", "query", "cookie"] = "header"


class Environment(_Value):
    """Where the tests run and as whom. Holds secrets in the clear: never store or log it as it is."""

    base_url: str
    auth: AuthProfile = AuthProfile()
    other_auth: AuthProfile | None = None
    """The second identity, for steps with `auth="other"`."""
    headers: dict[str, str] = {}
    """Sent with every request; those that carry credentials follow the step's `auth`."""
    variables: dict[str, Any] = {}
    verify_tls: bool = True


class PlannedTest(BaseModel):
    """A test case as it was when the run was planned."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    test_id: str
    endpoint_id: int
    title: str = ""
    test_type: str = ""
    category: str = ""
    definition: TestDefinition


class RunLimits(_Value):
    """Bounds that hold for one run on one worker."""

    run_id: str
    concurrency: int = 10
    """Tests at the same time, over all shards of the run."""
    step_timeout_s: float = 30.0
    give_up_after: int = 10
    """So many tests in a row without any answer end the rest as Skipped: the target is gone."""


class TargetUnreachable(Exception):
    """No connection to the target; the text says why, for the user."""


class TestEngine(Protocol):
    """Performs test cases. One result each, in the order in which they end; never raises for what a target does."""

    async def probe(self, environment: Environment) -> None:
        """Connect to the base URL once. Raises `TargetUnreachable`, also when the target policy forbids it."""

    def execute(
        self, tests: Sequence[PlannedTest], environment: Environment, limits: RunLimits
    ) -> AsyncGenerator[TestResult, None]:
        """Closing the generator stops the tests that run (their clean-up steps get a second) and starts no more."""


class Catalogue(Protocol):
    """What the other services know. Blocking; raises `QueryUnavailable` while they are away."""

    def project(self, org_id: str, project_id: int) -> Project | None:
        """None where the organisation has no such project."""

    def tests(self, org_id: str, project_id: int, test_ids: Sequence[str] | None) -> Iterator[TestCase]:
        """The named test cases whatever their status, or all approved ones; by ascending id."""


class Sealer(Protocol):
    """Encrypts what must not be stored in the clear. `context` is bound to the text: it opens with that one only."""

    def seal(self, plain: bytes, context: str) -> str: ...

    def open(self, sealed: str, context: str) -> bytes: ...


class Jobs(Protocol):
    """The work queues, as far as use cases need them."""

    def cancel(self, job_id: str) -> None:
        """Tells whoever works on the job, or will, to stop. Best effort: the aggregates decide."""


class FailedTests(Protocol):
    """The read side of a run's failures."""

    def failures(
        self, org_id: str, run_id: str, *, after: str = "", tests: Sequence[str] | None = None, limit: int = 50
    ) -> Sequence[Mapping[str, Any]]: ...

    def of_project(self, org_id: str, project_id: int) -> Sequence[str]: ...
