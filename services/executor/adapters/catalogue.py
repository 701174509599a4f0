"""`Catalogue` by queries to the projects and generator services."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import cast

from shared.contracts.generator import ListTestCases, TestCasePage
from shared.contracts.projects import GetProject, Project, ProjectFound
from shared.contracts.testcase import TestCase
from shared.messaging import Messaging

_PAGE = 100


class RemoteCatalogue:
    def __init__(self, messaging: Messaging) -> None:
        self._messaging = messaging

    def project(self, org_id: str, project_id: int) -> Project | None:
        reply = self._messaging.ask_sync(GetProject(org_id=org_id, project_id=project_id))
        return cast(ProjectFound, reply).project

    def tests(self, org_id: str, project_id: int, test_ids: Sequence[str] | None) -> Iterator[TestCase]:
        after: str | None = ""
        named = None if test_ids is None else tuple(test_ids)
        while after is not None:
            query = ListTestCases(
                org_id=org_id,
                project_id=project_id,
                test_ids=named,
                status="Approved" if named is None else None,
                after=after,
                limit=_PAGE,
            )
            page = cast(TestCasePage, self._messaging.ask_sync(query))
            yield from page.test_cases
            after = page.next_after
