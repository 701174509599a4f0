"""Every use case of the service."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from typing import Any

from services.generator.domain.assignment import Assignment
from services.generator.domain.draft import Draft
from services.generator.domain.filters import TestCaseFilter
from services.generator.domain.generation_job import GenerationJob
from services.generator.domain.instructions import understood
from services.generator.domain.test_case import TestCase, public_id
from services.generator.errors import (
    GenerationImpossible,
    GenerationJobNotFound,
    ProjectUnknown,
    TestCaseChanged,
    TestCaseNotFound,
)
from services.generator.ports import Catalogue, TestCaseIndex, TestWriter
from shared.contracts.scanner import Endpoint
from shared.contracts.testcase import TestDefinition, TestStatus
from shared.eventstore import AggregateNotFound, Store, retrying

CHUNK = 100
"""Test cases saved in one transaction."""
MOST_AT_ONCE = 1000


class Generation:
    """Generation jobs."""

    def __init__(self, store: Store, index: TestCaseIndex, catalogue: Catalogue, writer: TestWriter) -> None:
        self._store = store
        self._index = index
        self._catalogue = catalogue
        self._writer = writer

    def request(self, job_id: str, *, org_id: str, project_id: int, options: dict[str, Any]) -> None:
        """A new job, queued. Raises `ProjectUnknown`, `GenerationImpossible`."""
        if self._catalogue.project(org_id, project_id) is None:
            raise ProjectUnknown(details={"project_id": project_id})
        endpoints, _ = self._catalogue.endpoints(org_id, project_id)
        _targets(endpoints, options.get("endpoint_ids"))
        self._store.save(GenerationJob.request(job_id=job_id, org_id=org_id, project_id=project_id, options=options))

    def perform(self, job_id: str, cancelled: Callable[[], bool] = lambda: False) -> None:
        """Writes the tests, endpoint by endpoint; goes on where an attempt before stopped. Quiet where it has ended."""
        job = self._job(job_id)
        if job.ended:
            return
        job.start()
        self._store.save(job)
        endpoints, schemes = self._catalogue.endpoints(job.org_id, job.project_id)
        try:
            targets = _targets(endpoints, job.options.get("endpoint_ids"))
        except GenerationImpossible as error:
            job.fail(error.code, error.message)
            self._store.save(job)
            return
        instructions = understood(job.options.get("instructions") or "")
        types = job.options.get("types")
        assignment = Assignment(
            endpoints=endpoints,
            endpoint_ids=tuple(number for number in targets if number > job.last_endpoint),
            security_schemes=schemes,
            types=tuple(types) if types else None,
            instructions=instructions,
            max_per_endpoint=job.options["max_per_endpoint"],
            seed=job.options["seed"],
        )
        self._write(job, assignment, len(targets), cancelled)
        if not cancelled():
            job.complete(list(instructions.not_applied))
        self._store.save(job)

    def give_up(self, job_id: str, reason: str) -> None:
        """The job failed for good."""

        def use_case() -> None:
            job = self._job(job_id)
            job.fail("GEN_001", reason)
            self._store.save(job)

        retrying(use_case)

    def cancel(self, job_id: str, *, org_id: str, project_id: int) -> None:
        """Raises `GenerationJobNotFound`, `GenerationEnded`."""

        def use_case() -> None:
            job = self._job(job_id)
            if (job.org_id, job.project_id) != (org_id, project_id):
                raise GenerationJobNotFound(details={"job_id": job_id})
            job.cancel()
            self._store.save(job)

        retrying(use_case)

    def _write(self, job: GenerationJob, assignment: Assignment, of: int, cancelled: Callable[[], bool]) -> None:
        """Saves endpoints together until they make a chunk, each chunk with the job's progress in one transaction."""
        taken = self._index.fingerprints(job.project_id)
        waiting: list[TestCase] = []
        done, last = job.endpoints_done, 0
        for endpoint_id, drafts in self._writer.write(assignment):
            if cancelled():
                return
            waiting += self._new(job, [draft for draft in drafts if draft.fingerprint not in taken])
            done, last = done + 1, endpoint_id
            if len(waiting) >= CHUNK:
                self._save(job, waiting, done, last, of)
                waiting = []
        if last:
            self._save(job, waiting, done, last, of)

    def _save(self, job: GenerationJob, cases: list[TestCase], done: int, last: int, of: int) -> None:
        job.advance(endpoint_id=last, done=done, of=of, tests=len(cases))
        self._store.save(job, *cases)

    def _new(self, job: GenerationJob, drafts: list[Draft]) -> list[TestCase]:
        numbers = self._store.next_numbers("test_case", len(drafts))
        own: dict[str, Any] = {"org_id": job.org_id, "project_id": job.project_id, "job_id": job.job_id}
        return [TestCase.write(draft, number=number, **own) for number, draft in zip(numbers, drafts, strict=True)]

    def _job(self, job_id: str) -> GenerationJob:
        try:
            return self._store.load(GenerationJob, GenerationJob.create_id(job_id))
        except AggregateNotFound:
            raise GenerationJobNotFound(details={"job_id": job_id}) from None


def _targets(endpoints: tuple[Endpoint, ...], wanted: Sequence[int] | None) -> list[int]:
    """The endpoints to write for. Raises `GenerationImpossible` where there is none, or a named one is unknown."""
    known = sorted(endpoint.id for endpoint in endpoints if endpoint.status != "Error")
    unknown = sorted(set(wanted or ()) - set(known))
    if unknown:
        raise GenerationImpossible("Some of the endpoints do not exist.", {"endpoint_ids": unknown[:20]})
    if not known or (wanted is not None and not wanted):
        raise GenerationImpossible
    return known if wanted is None else [number for number in known if number in set(wanted)]


class TestCases:
    """The life of test cases after they are written."""

    __test__ = False

    def __init__(self, store: Store, index: TestCaseIndex) -> None:
        self._store = store
        self._index = index

    def edit(
        self,
        number: int,
        fields: dict[str, Any],
        *,
        org_id: str,
        project_id: int,
        status: TestStatus | None = None,
        comment: str = "",
        version: int | None = None,
    ) -> None:
        """Sets fields and status. Raises `TestCaseNotFound`, `TestCaseInvalid`, `TestCaseChanged`."""

        def use_case() -> None:
            case = self._find(number, org_id, project_id)
            if version is not None and version != case.version:
                raise TestCaseChanged(details={"test_case_id": case.public_id, "version": case.version})
            case.edit(fields)
            if status is not None:
                case.move(status, comment)
            self._store.save(case)

        retrying(use_case)

    def delete(self, number: int, *, org_id: str, project_id: int) -> None:
        """Raises `TestCaseNotFound`."""

        def use_case() -> None:
            case = self._find(number, org_id, project_id)
            case.delete()
            self._store.save(case)

        retrying(use_case)

    def approve_named(self, numbers: Sequence[int], *, org_id: str, project_id: int) -> int:
        """Exactly these, all or none. Raises `TestCaseNotFound` with those that do not exist."""
        return self._all_or_none(numbers, org_id, project_id, lambda case: case.move("Approved"))

    def delete_named(self, numbers: Sequence[int], *, org_id: str, project_id: int) -> int:
        """Exactly these, all or none. Raises `TestCaseNotFound` with those that do not exist."""
        return self._all_or_none(numbers, org_id, project_id, TestCase.delete)

    def approve_matching(self, wanted: TestCaseFilter, *, org_id: str, project_id: int) -> int:
        """All that match now, in chunks; how many."""
        return self._each(wanted, org_id, project_id, lambda case: case.move("Approved"))

    def delete_matching(self, wanted: TestCaseFilter, *, org_id: str, project_id: int) -> int:
        """All that match now, in chunks; how many."""
        return self._each(wanted, org_id, project_id, TestCase.delete)

    def heal(
        self, number: int, definition: TestDefinition, run_id: str, changes: list[dict[str, Any]], *, org_id: str
    ) -> None:
        """A healed definition passed: the test case takes it over. Quiet where the test case is gone."""

        def use_case() -> None:
            case = self._known(number, org_id)
            if case is not None:
                case.heal(definition, run_id, changes, self._index.fingerprints(case.project_id))
                self._store.save(case)

        retrying(use_case)

    def ask_review(self, number: int, reason: str, *, org_id: str) -> None:
        """Flags the test case for a person. Quiet where it is gone."""

        def use_case() -> None:
            case = self._known(number, org_id)
            if case is not None:
                case.ask_review(reason)
                self._store.save(case)

        retrying(use_case)

    def endpoint_removed(self, endpoint_id: int, *, org_id: str, project_id: int) -> None:
        """Its tests need a person's decision."""
        wanted = TestCaseFilter(endpoint_id=endpoint_id)
        self._each(wanted, org_id, project_id, lambda case: case.ask_review("The endpoint is no longer there."))

    def project_deleted(self, project_id: int, *, org_id: str) -> None:
        """Deletes what belongs to the project."""
        self.delete_matching(TestCaseFilter(), org_id=org_id, project_id=project_id)

    def _all_or_none(
        self, numbers: Sequence[int], org_id: str, project_id: int, change: Callable[[TestCase], None]
    ) -> int:
        named = sorted(set(numbers))

        def use_case() -> int:
            cases = [case for number in named if (case := self._known(number, org_id, project_id)) is not None]
            missing = set(named) - {case.number for case in cases}
            if missing:
                raise TestCaseNotFound(
                    details={"test_case_ids": [public_id(number) for number in sorted(missing)][:20]}
                )
            for case in cases:
                change(case)
            self._store.save(*cases)
            return len(cases)

        return retrying(use_case)

    def _each(self, wanted: TestCaseFilter, org_id: str, project_id: int, change: Callable[[TestCase], None]) -> int:
        numbers: list[int] = []
        while more := self._index.numbers(project_id, wanted, after=numbers[-1] if numbers else 0):
            numbers += more
        source, count = iter(numbers), 0
        while chunk := list(islice(source, CHUNK)):

            def use_case(chunk: list[int] = chunk) -> int:
                cases = list(self._existing(chunk, org_id, project_id))
                for case in cases:
                    change(case)
                self._store.save(*cases)
                return len(cases)

            count += retrying(use_case)
        return count

    def _existing(self, numbers: Sequence[int], org_id: str, project_id: int) -> Iterator[TestCase]:
        for number in numbers:
            case = self._known(number, org_id, project_id)
            if case is not None:
                yield case

    def _find(self, number: int, org_id: str, project_id: int) -> TestCase:
        case = self._known(number, org_id, project_id)
        if case is None:
            raise TestCaseNotFound(details={"test_case_id": public_id(number)})
        return case

    def _known(self, number: int, org_id: str, project_id: int | None = None) -> TestCase | None:
        try:
            case = self._store.load(TestCase, TestCase.create_id(number))
        except AggregateNotFound:
            return None
        own = case.org_id == org_id and project_id in (None, case.project_id)
        return case if own and not case.deleted else None
