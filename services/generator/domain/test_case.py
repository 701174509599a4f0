"""The test case aggregate: written, edited, approved, healed, deleted. Every version stays in its events."""

from __future__ import annotations

from typing import Any, Self, cast
from uuid import UUID

from services.generator.domain.draft import Draft, fingerprint
from services.generator.domain.validation import problems
from services.generator.errors import TestCaseInvalid, TestCaseNotFound
from shared.contracts.testcase import TestDefinition, TestStatus
from shared.eventstore import Aggregate, aggregate_id

_MOST_DIGITS = 15
EDITABLE = frozenset({"title", "description", "priority", "category", "test_type", "definition"})


def public_id(number: int) -> str:
    """`TC-00042`: five digits at least."""
    return f"TC-{number:05d}"


def number_of(test_id: str) -> int:
    """The number in a public id; 0 (which no test case has) for anything else."""
    digits = test_id.removeprefix("TC-")
    return int(digits) if digits.isascii() and digits.isdecimal() and len(digits) <= _MOST_DIGITS else 0


class TestCase(Aggregate):
    __test__ = False
    TOPIC = "generator.test_case"

    class Event(Aggregate.Event):
        TOPIC = "generator.test_case_event.v1"

    class Created(Event, Aggregate.Created):
        TOPIC = "generator.test_case_created.v1"
        number: int
        org_id: str
        project_id: int
        job_id: str
        fields: dict[str, Any]

    class Changed(Event):
        """`now` has the facts that others follow, as they are after the event."""

        TOPIC = "generator.test_case_changed.v1"
        now: dict[str, Any]

    class Edited(Changed):
        TOPIC = "generator.test_case_edited.v1"
        fields: dict[str, Any]

        def apply(self, aggregate: Aggregate) -> None:
            case = cast(TestCase, aggregate)
            case.fields.update(self.fields)
            case.follow(self.now)

    class StatusChanged(Changed):
        TOPIC = "generator.test_case_status_changed.v1"
        comment: str

        def apply(self, aggregate: Aggregate) -> None:
            cast(TestCase, aggregate).follow(self.now)

    class Healed(Changed):
        TOPIC = "generator.test_case_healed.v1"
        fields: dict[str, Any]
        run_id: str
        changes: list[dict[str, Any]]

        def apply(self, aggregate: Aggregate) -> None:
            case = cast(TestCase, aggregate)
            case.fields.update(self.fields)
            case.healed_in = self.run_id
            case.follow(self.now)

    class ReviewAsked(Changed):
        TOPIC = "generator.test_case_review_asked.v1"
        reason: str

        def apply(self, aggregate: Aggregate) -> None:
            case = cast(TestCase, aggregate)
            case.review_reason = self.reason
            case.follow(self.now)

    class Deleted(Event):
        TOPIC = "generator.test_case_deleted.v1"
        project_id: int
        number: int

        def apply(self, aggregate: Aggregate) -> None:
            cast(TestCase, aggregate).deleted = True

    def __init__(self, *, number: int, org_id: str, project_id: int, job_id: str, fields: dict[str, Any]) -> None:
        self.number = number
        self.org_id = org_id
        self.project_id = project_id
        self.job_id = job_id
        self.fields = dict(fields)
        self.status: TestStatus = "Draft"
        self.revision = 1
        self.needs_review = False
        self.review_reason = ""
        self.healed_in = ""
        self.deleted = False

    @staticmethod
    def create_id(number: int) -> UUID:
        """The aggregate's id by the number in its public id."""
        return aggregate_id("test_case", number)

    @classmethod
    def write(cls, draft: Draft, *, number: int, org_id: str, project_id: int, job_id: str) -> Self:
        """A new test case, a Draft. Raises `TestCaseInvalid`."""
        check(draft.definition)
        fields = {
            "endpoint_id": draft.endpoint_id,
            "endpoint_revision": draft.endpoint_revision,
            "title": draft.title,
            "description": draft.description,
            "test_type": draft.test_type,
            "category": draft.category,
            "priority": draft.priority,
            "fingerprint": draft.fingerprint,
            "definition": draft.definition.model_dump(mode="json"),
        }
        return cls(number=number, org_id=org_id, project_id=project_id, job_id=job_id, fields=fields)

    @property
    def public_id(self) -> str:
        return public_id(self.number)

    def edit(self, fields: dict[str, Any]) -> None:
        """Sets the named fields and clears the review flag; nothing happens where none differs.

        Raises `TestCaseInvalid`, `TestCaseNotFound`.
        """
        self._must_exist()
        if "definition" in fields:
            check(TestDefinition.model_validate(fields["definition"]))
        different = {key: value for key, value in fields.items() if key in EDITABLE and self.fields.get(key) != value}
        if different:
            grown = int("definition" in different)
            now = self._facts(**{key: value for key, value in different.items() if key in ("priority", "test_type")})
            now |= {"revision": self.revision + grown, "needs_review": False}
            self.trigger_event(self.Edited, fields=different, now=now)

    def move(self, status: TestStatus, comment: str = "") -> None:
        """Approve, block, send to review or back to Draft. Approving clears the flag. Raises `TestCaseNotFound`."""
        self._must_exist()
        flag = self.needs_review and status != "Approved"
        if status != self.status or flag != self.needs_review:
            now = self._facts(status=status, needs_review=flag)
            self.trigger_event(self.StatusChanged, comment=comment, now=now)

    def heal(
        self,
        definition: TestDefinition,
        run_id: str,
        changes: list[dict[str, Any]],
        taken: frozenset[str] = frozenset(),
    ) -> None:
        """Takes over a definition that passed after a contract change, once a run. `taken`: fingerprints in use."""
        if self.deleted or run_id == self.healed_in:
            return
        fields: dict[str, Any] = {"definition": definition.model_dump(mode="json"), "title": self._retold(changes)}
        refs = [step.operation for step in definition.steps if step.operation is not None]
        own = [ref.revision for ref in refs if ref.endpoint_id == self.fields["endpoint_id"]]
        fields["endpoint_revision"] = max([self.fields["endpoint_revision"], *own])
        mark = fingerprint(
            self.fields["endpoint_id"], fields["endpoint_revision"], self.fields["category"], fields["title"]
        )
        if mark not in taken:
            fields["fingerprint"] = mark
        now = self._facts(revision=self.revision + 1, needs_review=False)
        self.trigger_event(self.Healed, fields=fields, run_id=run_id, changes=changes, now=now)

    def ask_review(self, reason: str) -> None:
        """Flags the test for a person; its status stays."""
        if not self.deleted and (not self.needs_review or reason != self.review_reason):
            self.trigger_event(self.ReviewAsked, reason=reason, now=self._facts(needs_review=True))

    def delete(self) -> None:
        """Raises `TestCaseNotFound` where it is deleted already."""
        self._must_exist()
        self.trigger_event(self.Deleted, project_id=self.project_id, number=self.number)

    def follow(self, now: dict[str, Any]) -> None:
        """Takes over the facts of an event."""
        self.status = now["status"]
        self.revision = now["revision"]
        self.needs_review = now["needs_review"]
        if not self.needs_review:
            self.review_reason = ""

    def _facts(self, **changed: Any) -> dict[str, Any]:
        facts = {
            "number": self.number,
            "project_id": self.project_id,
            "endpoint_id": self.fields["endpoint_id"],
            "test_type": self.fields["test_type"],
            "priority": self.fields["priority"],
            "status": self.status,
            "revision": self.revision,
            "needs_review": self.needs_review,
        }
        return facts | changed

    def _retold(self, changes: list[dict[str, Any]]) -> str:
        """The title with moved paths in place of the old ones."""
        title = str(self.fields["title"])
        for change in changes:
            if change.get("change_type") == "path_change" and change.get("old_value"):
                title = title.replace(str(change["old_value"]), str(change.get("new_value", "")))
        return title

    def _must_exist(self) -> None:
        if self.deleted:
            raise TestCaseNotFound(details={"test_case_id": self.public_id})


def check(definition: TestDefinition) -> None:
    """Raises `TestCaseInvalid` with everything that is wrong. Variables may come from the environment of a run."""
    found = problems(definition, environment=None)
    if found:
        raise TestCaseInvalid(details={"problems": found[:20]})
