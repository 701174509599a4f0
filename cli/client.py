"""The platform's REST API as methods, for the CLI and the demo. Answers are the JSON objects as they come."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from http import HTTPStatus
from typing import Any

from cli.errors import CliError, Refused
from cli.transport import Json, Transport, path

Watcher = Callable[[Json], None]
"""Is shown every state of something that is waited for."""
_AT_ONCE = 500
"""Test cases named in one bulk request."""
_JOB_DONE = frozenset({"Completed", "Failed", "Cancelled"})


def _unwatched(_: Json) -> None:
    """Nobody looks."""


class Client:
    """A platform, as one user of it. Every method raises `CliError` (`Refused` for the platform's error answers)."""

    def __init__(self, base_url: str, *, api_key: str | None = None, timeout: float = 30.0) -> None:
        self._http = Transport(base_url, api_key=api_key, timeout=timeout)
        self.base_url = self._http.base_url
        self._call = self._http.call

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._http.close()

    # ------------------------------------------------------------ who

    def register(self, email: str, password: str, first_name: str = "Test", last_name: str = "Gen") -> Json:
        names = {"first_name": first_name, "last_name": last_name}
        return self._object("POST", path("auth", "register"), {"email": email, "password": password, **names})

    def login(self, email: str, password: str) -> None:
        """Goes on as this user; the access token is refreshed when it expires."""
        credentials = {"email": email, "password": password}
        self._http.authenticate(self._object("POST", path("auth", "login"), credentials))

    def create_api_key(self, name: str) -> str:
        """The key itself, which is shown this once."""
        return str(self._object("POST", path("user", "api-keys"), {"name": name})["key"])

    # ------------------------------------------------------------ projects

    def create_project(self, name: str, **fields: Any) -> Json:
        known = {field: value for field, value in fields.items() if value is not None}
        return self._object("POST", path("projects"), {"name": name, **known})

    def project(self, project_id: int) -> Json:
        return self._object("GET", path("projects", project_id))

    def project_named(self, name: str) -> Json | None:
        return next((each for each in self._pages(path("projects"), {"name": name}) if each["name"] == name), None)

    def update_project(self, project_id: int, **fields: Any) -> Json:
        return self._object("PATCH", path("projects", project_id), fields)

    def delete_project(self, project_id: int) -> None:
        self._call("DELETE", path("projects", project_id))

    # ------------------------------------------------------------ scan and generation

    def scan(self, project_id: int, source: Json, *, seconds: float = 600, watch: Watcher = _unwatched) -> Json:
        """Scans a source and waits for the end: the completed job."""
        where = ("projects", project_id, "endpoints", "scan")
        job = self._object("POST", path(*where), source)
        return self._completed("the scan", path(*where, job["job_id"]), seconds, watch)

    def endpoints(self, project_id: int) -> list[Json]:
        return list(self._pages(path("projects", project_id, "endpoints")))

    def generate(
        self, project_id: int, request: Json | None = None, *, seconds: float = 600, watch: Watcher = _unwatched
    ) -> Json:
        """Generates test cases and waits for the end: the completed job."""
        where = ("projects", project_id, "tests", "generate")
        job = self._object("POST", path(*where), request or {})
        return self._completed("the generation", path(*where, job["job_id"]), seconds, watch)

    def test_cases(self, project_id: int, **filters: Any) -> list[Json]:
        return list(self._pages(path("projects", project_id, "test-cases"), filters))

    def approve(self, project_id: int, test_ids: Sequence[str]) -> None:
        where = path("projects", project_id, "test-cases", "bulk-approve")
        for first in range(0, len(test_ids), _AT_ONCE):
            self._call("POST", where, {"test_case_ids": list(test_ids[first : first + _AT_ONCE])})

    # ------------------------------------------------------------ runs

    def start_run(self, project_id: int, request: Json | None = None) -> Json:
        return self._object("POST", path("projects", project_id, "runs"), request or {})

    def run(self, project_id: int, run_id: str) -> Json:
        return self._object("GET", path("projects", project_id, "runs", run_id))

    def wait_for_run(self, project_id: int, run_id: str, *, seconds: float, watch: Watcher = _unwatched) -> Json:
        """The finished run, however it ended."""
        return self._await("the run", path("projects", project_id, "runs", run_id), _finished, seconds, watch)

    def cancel_run(self, project_id: int, run_id: str) -> None:
        self._call("POST", path("projects", project_id, "runs", run_id, "cancel"))

    def results(self, project_id: int, run_id: str, **filters: Any) -> list[Json]:
        return list(self._pages(path("projects", project_id, "runs", run_id, "results"), filters))

    # ------------------------------------------------------------ what came of it

    def healing(self, project_id: int, run_id: str | None = None) -> list[Json]:
        """The healing log: what was changed in which test and why, and what could not be healed."""
        return list(self._pages(path("projects", project_id, "healing"), {"run_id": run_id}))

    def coverage(self, project_id: int, as_of: str | None = None) -> Json:
        return self._object("GET", path("projects", project_id, "coverage"), params={"as_of": as_of})

    def run_coverage(self, project_id: int, run_id: str) -> Json:
        return self._object("GET", path("projects", project_id, "runs", run_id, "coverage"))

    def trends(self, project_id: int, days: int = 30) -> Json:
        return self._object("GET", path("analytics", "trends"), params={"project_id": project_id, "days": days})

    def settled_coverage(self, project_id: int, run_id: str, *, seconds: float = 60) -> Json:
        """Coverage once analytics has seen the end of a run: it follows the other services by events."""
        where = path("projects", project_id, "runs", run_id, "coverage")
        self._await("analytics", where, _finished, seconds, _unwatched, unknown_is_early=True)
        return self.coverage(project_id)

    # ------------------------------------------------------------ how

    def _object(self, method: str, where: str, body: Json | None = None, params: Json | None = None) -> Json:
        content = self._call(method, where, body, params)
        if not isinstance(content, dict):
            raise CliError(f"{method} {where} answered no JSON object", f"is {self.base_url} a TestGen platform?")
        return content

    def _pages(self, where: str, filters: Json | None = None) -> Iterator[Json]:
        cursor: str | None = None
        while True:
            page = self._object("GET", where, params={**(filters or {}), "limit": 100, "cursor": cursor})
            yield from page["items"]
            cursor = page.get("next_cursor")
            if not page.get("has_more") or not cursor:
                return

    def _completed(self, what: str, where: str, seconds: float, watch: Watcher) -> Json:
        job = self._await(what, where, _job_done, seconds, watch)
        if job["status"] != "Completed":
            code, message = job.get("error_code"), job.get("error_message") or "no reason was given"
            raise CliError(f"{what} ended as {job['status']}: {message}" + (f" ({code})" if code else ""))
        return job

    def _await(
        self,
        what: str,
        where: str,
        done: Callable[[Json], bool],
        seconds: float,
        watch: Watcher,
        *,
        unknown_is_early: bool = False,
    ) -> Json:
        deadline, pause = time.monotonic() + seconds, 0.05
        while True:
            state = self._look(where, unknown_is_early)
            if state is not None:
                watch(state)
                if done(state):
                    return state
            if time.monotonic() > deadline:
                raise CliError(f"{what} did not end within {seconds:.0f} s")
            time.sleep(pause)
            pause = min(pause * 1.3, 1.0)

    def _look(self, where: str, unknown_is_early: bool) -> Json | None:
        try:
            return self._object("GET", where)
        except Refused as refused:
            if unknown_is_early and refused.status == HTTPStatus.NOT_FOUND:
                return None
            raise


def _job_done(job: Json) -> bool:
    return job["status"] in _JOB_DONE


def _finished(run: Json) -> bool:
    return bool(run["status"] != "Running")
