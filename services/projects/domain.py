"""The project aggregate: what it is, and the states that it moves through."""

from __future__ import annotations

from typing import Any, Literal, Self, cast
from urllib.parse import urlsplit
from uuid import UUID

from services.projects.errors import ProjectInvalid, ProjectNotFound
from shared.eventstore import Aggregate, aggregate_id

Status = Literal["Active", "Scanning", "Failed", "Error"]
TRANSITIONS: dict[Status, frozenset[Status]] = {
    "Active": frozenset({"Scanning"}),
    "Scanning": frozenset({"Active", "Failed", "Error"}),
    "Failed": frozenset({"Scanning"}),
    "Error": frozenset({"Scanning"}),
}
"""A scan leads from anywhere to Scanning; it ends in Active, Failed (it broke) or Error (its source is refused)."""
COLORS: dict[Status, str] = {"Active": "green", "Scanning": "orange", "Failed": "red", "Error": "gray"}


class Project(Aggregate):
    TOPIC = "projects.project"

    class Event(Aggregate.Event):
        TOPIC = "projects.project_event.v1"

    class Created(Event, Aggregate.Created):
        TOPIC = "projects.project_created.v1"
        number: int
        org_id: str
        owner_id: str
        fields: dict[str, Any]

    class Updated(Event):
        """`fields` are those that changed; `now` are all, as others see them after it."""

        TOPIC = "projects.project_updated.v1"
        fields: dict[str, Any]
        now: dict[str, Any]

        def apply(self, aggregate: Aggregate) -> None:
            cast(Project, aggregate).fields.update(self.fields)

    class StatusChanged(Event):
        TOPIC = "projects.project_status_changed.v1"
        status: Status
        scan_id: str
        now: dict[str, Any]

        def apply(self, aggregate: Aggregate) -> None:
            project = cast(Project, aggregate)
            project.status = self.status
            project.scan_id = self.scan_id

    class Deleted(Event):
        TOPIC = "projects.project_deleted.v1"
        number: int

        def apply(self, aggregate: Aggregate) -> None:
            cast(Project, aggregate).deleted = True

    def __init__(self, *, number: int, org_id: str, owner_id: str, fields: dict[str, Any]) -> None:
        self.number = number
        self.org_id = org_id
        self.owner_id = owner_id
        self.fields = dict(fields)
        self.status: Status = "Active"
        self.scan_id = ""
        self.deleted = False

    @staticmethod
    def create_id(number: int) -> UUID:
        """The aggregate's id by the project's public number."""
        return aggregate_id("project", number)

    @classmethod
    def create(cls, *, number: int, org_id: str, owner_id: str, fields: dict[str, Any]) -> Self:
        """A new project. Raises `ProjectInvalid`."""
        check(fields)
        return cls(number=number, org_id=org_id, owner_id=owner_id, fields=fields)

    def update(self, changes: dict[str, Any]) -> None:
        """Sets the named fields; nothing happens where none differs. Raises `ProjectInvalid`, `ProjectNotFound`."""
        self._must_exist()
        check({**self.fields, **changes})
        different = {key: value for key, value in changes.items() if self.fields.get(key) != value}
        if different:
            self.trigger_event(
                self.Updated, fields=different, now=self.facts({**self.fields, **different}, self.status)
            )

    def scan(self, scan_id: str, outcome: Status) -> None:
        """Follows a scan; what doesn't fit the present state (a repeated or late message) changes nothing."""
        stale = outcome != "Scanning" and scan_id != self.scan_id
        if not self.deleted and not stale and outcome in TRANSITIONS[self.status]:
            now = self.facts(self.fields, outcome)
            self.trigger_event(self.StatusChanged, status=outcome, scan_id=scan_id, now=now)

    def delete(self) -> None:
        """Raises `ProjectNotFound` where it is deleted already."""
        self._must_exist()
        self.trigger_event(self.Deleted, number=self.number)

    def facts(self, fields: dict[str, Any], status: Status) -> dict[str, Any]:
        """What others follow of a project."""
        known = {key: value for key, value in fields.items() if value is not None}
        return {**known, "id": self.number, "org_id": self.org_id, "status": status}

    def _must_exist(self) -> None:
        if self.deleted:
            raise ProjectNotFound(details={"project_id": self.number})


def check(fields: dict[str, Any]) -> None:
    """Raises `ProjectInvalid` where the fields, taken together, can't be worked with."""
    if not str(fields.get("name", "")).strip():
        raise ProjectInvalid("A project needs a name.", {"field": "name"})
    for field in ("api_base_url", "openapi_url"):
        _check_http(field, fields.get(field))
    if any(mark in (fields.get("api_base_url") or "") for mark in "?#"):
        # paths are appended: every test would call one and the same resource, and pass
        raise ProjectInvalid("api_base_url must not have a query or fragment.", {"field": "api_base_url"})
    git_url = fields.get("git_url")
    if git_url and _has_credentials(git_url):  # they would be stored in clear
        raise ProjectInvalid("The Git URL must not hold a user name or password.", {"field": "git_url"})


def _check_http(field: str, value: str | None) -> None:
    if value is None:
        return
    try:
        parts = urlsplit(value)
        ok = parts.scheme in {"http", "https"} and bool(parts.hostname) and "@" not in parts.netloc
        _ = parts.port
    except ValueError:
        ok = False
    if not ok:
        raise ProjectInvalid(f"{field} must be an http or https URL without credentials.", {"field": field})


def _has_credentials(git_url: str) -> bool:
    """The user of an SSH address (`ssh://git@…`) is none."""
    try:
        parts = urlsplit(git_url)
    except ValueError:
        return "@" in git_url
    return "@" in parts.netloc and (parts.scheme not in {"ssh", "git+ssh"} or parts.password is not None)
