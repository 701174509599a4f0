"""Projects: given what happened, when this is asked, then that happens."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.projects.domain import COLORS, TRANSITIONS, Project, Status
from services.projects.errors import ProjectInvalid, ProjectNotFound

STATUSES: list[Any] = list(get_args(Status))


def project(**fields: Any) -> Project:
    return Project.create(number=1, org_id="org", owner_id="ann", fields={"name": "Orders", **fields})


@pytest.mark.req("TG-4")
def test_updating_tells_only_what_differs() -> None:
    subject = project(api_base_url="http://a.test")
    subject.collect_events()
    subject.update({"name": "Orders", "api_base_url": "http://b.test"})
    (event,) = subject.collect_events()
    assert event.fields == {"api_base_url": "http://b.test"}  # type: ignore[attr-defined]
    subject.update({"name": "Orders"})
    assert not subject.collect_events()


@pytest.mark.parametrize(
    "fields",
    [
        {"name": "  "},
        {"api_base_url": "ftp://a.test"},
        {"api_base_url": "http://user:pass@a.test"},
        {"api_base_url": "http://[broken"},
        {"api_base_url": "http://a.test/?page=1"},
        {"api_base_url": "http://a.test/api#top"},
        {"openapi_url": "openapi.json"},
        {"git_url": "https://user:token@git.test/repository"},
        {"git_url": "https://token@git.test/repository"},
        {"git_url": "ssh://git:password@git.test/repository"},
        {"git_url": "https://user:token@[broken/repository"},
    ],
)
def test_what_cannot_be_worked_with_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ProjectInvalid):
        project(**fields)


@pytest.mark.parametrize("git_url", ["ssh://git@git.test/repository", "git@git.test:repository.git"])
def test_the_user_of_an_ssh_address_is_no_secret(git_url: str) -> None:
    assert project(git_url=git_url).fields["git_url"] == git_url


def test_a_deleted_project_is_gone() -> None:
    subject = project()
    subject.delete()
    with pytest.raises(ProjectNotFound):
        subject.delete()
    with pytest.raises(ProjectNotFound):
        subject.update({"name": "Other"})


@pytest.mark.req("TG-5")
@settings(max_examples=200)
@given(st.lists(st.tuples(st.sampled_from(["scan 1", "scan 2"]), st.sampled_from(STATUSES))))
def test_status_moves_only_along_its_state_machine(messages: list[tuple[str, Any]]) -> None:
    subject = project()
    for scan_id, status in messages:
        before, of_scan = subject.status, subject.scan_id
        subject.scan(scan_id, status)
        if subject.status != before:
            assert subject.status in TRANSITIONS[before]
            assert before != "Scanning" or of_scan == scan_id, "only the scan that is running ends"
    assert subject.status in COLORS
