"""From a source to the report of a finished run: scan, generate, approve, run, collect, with progress on the way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from cli.client import Client, Watcher
from cli.collect import report_of
from cli.errors import CliError
from cli.reports.model import RunReport
from cli.selection import Selection
from cli.source import Source
from cli.target import Target
from cli.transport import Json

_GRACE_S = 60.0
"""Given to a run beyond its own time limit, to wind down."""
_LONGEST_NAME = 200
_LONGEST_RUN_S = 24 * 3600.0


@dataclass(frozen=True)
class Wishes:
    """What the user asked for, checked."""

    source: Source
    target: Target
    selection: Selection = field(default_factory=Selection)
    project: str | None = None
    branch: str | None = None
    concurrency: int | None = None
    time_limit_s: float | None = None
    heal: bool = True
    seed: int | None = None


class Journey:
    """One pass of `testgen test` over a platform."""

    def __init__(self, client: Client, wishes: Wishes, console: Console) -> None:
        self._client = client
        self._wishes = wishes
        self._console = console
        self._warnings: list[str] = []
        self._caution = ""

    def travel(self) -> RunReport:
        """Everything up to the report. Raises `CliError` where there is nothing to test or it cannot be tested."""
        project_id = int(self._project()["id"])
        endpoints = self._scan(project_id)
        tests = self._tests(project_id, endpoints)
        run = self._run(project_id, tests)
        with self._progress("Collecting results"):
            return self._report(project_id, run["id"])

    def _report(self, project_id: int, run_id: str) -> RunReport:
        target = self._wishes.target
        report = report_of(
            self._client,
            project_id,
            run_id,
            source=self._wishes.source.where,
            base_url=target.base_url,
            warnings=self._warnings,
            anonymous=target.is_anonymous,
        )
        if self._caution and not report.locked:
            return replace(report, warnings=(*report.warnings, self._caution))
        return report

    def _project(self) -> Json:
        wishes = self._wishes
        name = (wishes.project or f"{wishes.source.name} {wishes.target.base_url}")[:_LONGEST_NAME]
        known = self._client.project_named(name)
        if known is None:
            return self._client.create_project(name, api_base_url=wishes.target.base_url)
        if known.get("api_base_url") != wishes.target.base_url:
            self._client.update_project(known["id"], api_base_url=wishes.target.base_url)
        return known

    def _scan(self, project_id: int) -> list[Json]:
        source = self._wishes.source.request(self._wishes.branch)
        with self._progress("Scanning") as watch:
            job = self._client.scan(project_id, {"source": source}, watch=watch)
        found = self._client.endpoints(project_id)
        if not found:
            raise CliError(
                f"no endpoints were found in {self._wishes.source.where}",
                "is it an OpenAPI document, or the source of an application in a framework that is supported?",
            )
        self._warnings += _texts(job.get("warnings"))
        self._say(f"Found [bold]{len(found)}[/bold] endpoints{_moves(job)}")
        wanted = [endpoint for endpoint in found if self._wishes.selection.wants_endpoint(endpoint)]
        self._warn_of_missing_credentials(wanted)
        if not wanted:
            raise CliError("none of the endpoints is left by --include and --exclude")
        return wanted

    def _warn_of_missing_credentials(self, endpoints: list[Json]) -> None:
        locked = sum(1 for endpoint in endpoints if endpoint.get("requires_auth"))
        if locked and self._wishes.target.is_anonymous:
            self._caution = (
                f"{locked} endpoints need authentication, but no credentials were given (--auth-bearer, --auth-basic, "
                "--auth-key): failures with 401 or 403 may mean no more than that"
            )
            self._say(f"[yellow]Warning:[/yellow] {self._caution}")

    def _tests(self, project_id: int, endpoints: list[Json]) -> list[Json]:
        """The wanted tests, all of them approved; tests are generated for endpoints that have none yet."""
        wanted = {endpoint["id"] for endpoint in endpoints}
        covered = {test["endpoint_id"] for test in self._client.test_cases(project_id)}
        if fresh := sorted(wanted - covered):
            request: Json = {"endpoint_ids": fresh, **self._wishes.selection.generation()}
            if self._wishes.seed is not None:
                request["seed"] = self._wishes.seed
            with self._progress("Generating tests") as watch:
                self._client.generate(project_id, request, watch=watch)
        tests = [
            test
            for test in self._client.test_cases(project_id)
            if test["endpoint_id"] in wanted and self._wishes.selection.wants_test(test)
        ]
        if not tests:
            raise CliError("there is no test to run", "do --type, --category or --exclude-category leave any?")
        self._client.approve(project_id, [test["id"] for test in tests if test["status"] != "Approved"])
        self._say(f"[bold]{len(tests)}[/bold] tests for {len(wanted)} endpoints")
        return tests

    def _run(self, project_id: int, tests: list[Json]) -> Json:
        wishes = self._wishes
        request: dict[str, Any] = {
            "test_case_ids": [test["id"] for test in tests],
            "healing": wishes.heal,
            "environment": wishes.target.environment(),
        }
        request |= {"concurrency": wishes.concurrency} if wishes.concurrency else {}
        request |= {"time_limit_s": wishes.time_limit_s} if wishes.time_limit_s else {}
        patience = wishes.time_limit_s + _GRACE_S if wishes.time_limit_s else _LONGEST_RUN_S
        run = self._client.start_run(project_id, request)
        try:
            with self._progress("Running tests") as watch:
                run = self._client.wait_for_run(project_id, run["id"], seconds=patience, watch=watch)
        except KeyboardInterrupt:
            self._client.cancel_run(project_id, run["id"])
            raise
        self._judge(run)
        return run

    def _judge(self, run: Json) -> None:
        if run["passed"] + run["failed"] + run["healed"] == 0:
            said = run.get("error_message") or "every test was skipped"
            raise CliError(f"no test could be executed: {said}" + _code(run))
        if run.get("error_message"):
            self._warnings.append(f"{run['error_message']}{_code(run)}")
        if run["status"] == "Cancelled":
            self._warnings.append("the run was cancelled before its end, for example by the time limit")

    def _say(self, line: str) -> None:
        self._console.print(line, highlight=False)

    @contextmanager
    def _progress(self, what: str) -> Iterator[Watcher]:
        columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Progress(*columns, console=self._console, transient=True, disable=not self._console.is_terminal) as bar:
            task = bar.add_task(what, total=None)

            def watch(state: Json) -> None:
                bar.update(task, total=100, completed=state.get("progress") or 0, description=what + _counts(state))

            yield watch


def _counts(state: Json) -> str:
    counts = [
        f"{state[name]} {name.replace('_', ' ')}"
        for name in ("endpoints_found", "tests_generated", "passed", "failed", "skipped", "healed")
        if state.get(name)
    ]
    return f"  {', '.join(counts)}" if counts else ""


def _moves(job: Json) -> str:
    moves = [f"{job[name]} {name}" for name in ("discovered", "changed", "moved", "removed") if job.get(name)]
    return f" ({', '.join(moves)})" if moves else ""


def _texts(warnings: Any) -> list[str]:
    return [str(each) for each in warnings] if isinstance(warnings, list) else []


def _code(run: Json) -> str:
    return f" ({run['error_code']})" if run.get("error_code") else ""
