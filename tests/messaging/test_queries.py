"""Queries between processes, over a real NATS."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest

from shared.contracts.projects import GetProject, Project, ProjectFound
from shared.errors import NotFound
from shared.eventstore import Metadata, current_metadata, use_metadata
from shared.messaging import Messaging, QueryFailed, QueryUnavailable, queries
from tests.messaging.support import running

NewMessaging = Callable[[], Messaging]
QUESTION = GetProject(org_id="o", project_id=7)


def found(question: GetProject) -> ProjectFound:
    return ProjectFound(project=Project(id=question.project_id, org_id=question.org_id, name="p", status="Active"))


async def test_a_question_is_answered_from_another_process(new_messaging: NewMessaging) -> None:
    asking, answering = new_messaging(), new_messaging()
    answering.answer(GetProject, found)
    async with running(asking, answering):
        reply = await asking.ask(QUESTION)
        in_thread = await asyncio.to_thread(asking.ask_sync, QUESTION)
    assert reply == in_thread == found(QUESTION)


async def test_the_answerer_sees_who_asks(new_messaging: NewMessaging) -> None:
    messaging = new_messaging()
    seen: list[Metadata] = []

    async def handler(question: GetProject) -> ProjectFound:
        seen.append(current_metadata())
        return ProjectFound()

    messaging.answer(GetProject, handler)
    async with running(messaging):
        with use_metadata(Metadata(org_id="o", actor="ann", correlation_id="c-9")):
            await messaging.ask(QUESTION)
            await asyncio.to_thread(messaging.ask_sync, QUESTION)
    assert [(meta.org_id, meta.actor, meta.correlation_id) for meta in seen] == [("o", "ann", "c-9")] * 2


async def test_an_answerer_that_comes_later_is_waited_for(new_messaging: NewMessaging) -> None:
    asking, answering = new_messaging(), new_messaging()
    answering.answer(GetProject, found)
    async with running(asking):
        question = asyncio.create_task(asking.ask(QUESTION))
        async with running(answering):
            assert await question == found(QUESTION)


async def test_nobody_there(new_messaging: NewMessaging, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queries, "PATIENCE_S", 0.3)
    messaging = new_messaging()
    async with running(messaging):
        with pytest.raises(QueryUnavailable):
            await messaging.ask(QUESTION)


async def test_what_the_handler_raises_travels_back(new_messaging: NewMessaging) -> None:
    messaging = new_messaging()

    def handler(question: GetProject) -> ProjectFound:
        if question.project_id == 1:
            raise NotFound("no project 1", {"id": 1})
        raise ZeroDivisionError("secret detail")

    messaging.answer(GetProject, handler)
    async with running(messaging):
        with pytest.raises(QueryFailed) as expected:
            await messaging.ask(GetProject(org_id="o", project_id=1))
        with pytest.raises(QueryFailed) as unexpected:
            await messaging.ask(GetProject(org_id="o", project_id=2))
    error = expected.value
    assert (error.code, error.status, error.message, error.details) == ("RES_001", 404, "no project 1", {"id": 1})
    assert unexpected.value.status == 500
    assert "secret" not in str(unexpected.value)
