"""One endpoint under test: what every category of tests is written with."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from services.generator.adapters.rules import schema
from services.generator.adapters.rules.chains import Arranged
from services.generator.adapters.rules.inputs import on_the_wire
from services.generator.adapters.rules.model import Api, Target
from services.generator.adapters.rules.planner import Planner
from services.generator.adapters.rules.risk import priority_of
from services.generator.adapters.rules.values import Binding, Mode
from services.generator.domain.draft import Draft
from services.generator.domain.validation import BUILT_IN, variables_of
from shared.contracts.testcase import (
    Assertion,
    Extract,
    LoadProfile,
    RequestTemplate,
    SchemaAssertion,
    StatusAssertion,
    Step,
    TestDefinition,
    TestType,
)

_PEOPLE = frozenset({"user", "account"})
Category = Callable[["Subject"], Iterator[Draft]]


@dataclass(frozen=True)
class Expected:
    """The statuses that a valid request may get. `strict`: only what the contract documents as success. `positive`:
    success is what it is about, so that user instructions apply."""

    statuses: tuple[str, ...]
    strict: bool
    positive: bool = False

    def assertion(self) -> StatusAssertion:
        text = "Succeeds with a documented status" if self.strict else "Succeeds" if self.positive else "Does not crash"
        return StatusAssertion(one_of=self.statuses, description=f"{text} ({', '.join(self.statuses)})")


def needed(steps: list[Step]) -> list[Step]:
    """The steps without set-up calls whose results nothing uses, and without clean-up of what is not made."""
    used: set[str] = set()
    kept: list[Step] = []
    for step in reversed([step for step in steps if step.role != "cleanup"]):
        made = {extract.name for extract in step.extract}
        if step.role == "test" or not made or made & used:
            kept.insert(0, step)
            used |= variables_of(step)
    known = {extract.name for step in kept for extract in step.extract} | BUILT_IN
    clean = [step for step in steps if step.role == "cleanup" and variables_of(step.request) <= known]
    return [*kept, *clean]


class Subject:
    """Writes tests for one endpoint of an API."""

    def __init__(self, target: Target, api: Api, planner: Planner) -> None:
        self.target = target
        self.api = api
        self.planner = planner
        self._arranged: dict[Mode, Arranged] = {}

    def arrange(self, mode: Mode = "minimal") -> Arranged:
        """A valid request with its set-up, made once for each mode."""
        if mode not in self._arranged:
            self._arranged[mode] = self.planner.arrange(self.target, mode)
        return self._arranged[mode]

    def expected(self, arranged: Arranged) -> Expected:
        """What the contract promises of a valid request, and where it leaves room, that room."""
        target = self.target
        if not arranged.certain:
            return Expected(target.harmless, strict=False)
        if target.is_vague and not target.operation.requires_auth:
            return Expected((*target.success, "401", "403"), strict=False, positive=True)
        room: set[str] = set()
        if self.is_action:
            room = {"409", *({"400"} & target.documented)}
        elif self.is_part and target.listing is None:
            room = {"404", "409"}
        elif self.is_foreign(arranged):
            room = {"403"}
        statuses = (*target.success, *sorted(room - set(target.success)))
        return Expected(statuses, strict=not room, positive=not room)

    @cached_property
    def is_action(self) -> bool:
        """A write under a resource that makes no collection of its own, as POST `/orders/{id}/cancel`."""
        target = self.target
        under = any(part.startswith("{") for part in target.segments[:-1]) and target.tail_parameter is None
        if target.method not in ("POST", "PUT", "PATCH") or not under:
            return False
        own = self.api.at("GET", target.collection)
        return own is None or (target.method == "POST" and own.listing is None)

    @cached_property
    def is_part(self) -> bool:
        """A read of a single thing below a resource, that may not be there yet, as GET `/orders/{id}/invoice`."""
        under = any(part.startswith("{") for part in self.target.segments[:-1])
        return self.target.method == "GET" and under and self.target.tail_parameter is None

    def is_foreign(self, arranged: Arranged) -> bool:
        """True where the path names a person that the test made, and who may be closed to the test's own identity."""
        made = {created.target.collection for created in arranged.chain.created if created.target.noun in _PEOPLE}
        inside = any(self.target.collection.startswith(f"{collection}/{{}}") for collection in made)
        return inside and self.target.operation.requires_auth

    def checks(self, expected: Expected) -> list[Assertion]:
        """Status, and the documented schema where the status tells which one."""
        found: list[Assertion] = [expected.assertion()]
        answer = self.target.answer
        if expected.strict and answer is not None and schema.usable(answer):
            found.append(SchemaAssertion(json_schema=answer, description="The answer has the documented structure"))
        return found

    def step(
        self,
        request: RequestTemplate,
        assertions: Iterable[Assertion],
        *,
        name: str = "",
        extract: tuple[Extract, ...] = (),
        target: Target | None = None,
    ) -> Step:
        """A judged step that calls an operation, this endpoint's unless another is given."""
        operation = target or self.target
        return Step(
            role="test",
            name=name or f"Call {operation.name}",
            operation=operation.ref,
            request=on_the_wire(request, operation),
            extract=extract,
            assertions=tuple(assertions),
        )

    def undone(self, arranged: Arranged, expected: Expected) -> tuple[tuple[Extract, ...], list[Step]]:
        """Extraction and clean-up for a request that creates, where its success is sure and it can be deleted."""
        target = self.target
        found = target.id_for("id") if target.method == "POST" and expected.strict else None
        if found is None or not found.sure:
            return (), []
        variable = f"new_{target.noun or 'resource'}_id"
        undo = self.planner.undo(target, arranged.request, Binding("{{" + variable + "}}", found.sample))
        return ((Extract(name=variable, path=found.path),), [undo]) if undo else ((), [])

    def draft(
        self,
        title: str,
        description: str,
        category: str,
        steps: Iterable[Step],
        *,
        test_type: TestType = "Functional",
        positive: bool = False,
        load: LoadProfile | None = None,
    ) -> Draft:
        return Draft(
            endpoint_id=self.target.endpoint.id,
            endpoint_revision=self.target.endpoint.revision,
            title=title,
            description=description,
            test_type=test_type,
            category=category,
            priority=priority_of(self.target, category),
            definition=TestDefinition(steps=tuple(steps), load=load),
            positive=positive,
        )

    def simple(
        self,
        arranged: Arranged,
        title: str,
        description: str,
        category: str,
        assertions: Iterable[Assertion],
        *,
        changes: dict[str, Any] | None = None,
        test_type: TestType = "Functional",
        load: LoadProfile | None = None,
        positive: bool = False,
    ) -> Draft:
        """Set-up, one judged call (the arranged request with some fields changed), clean-up."""
        request = arranged.request.model_copy(update=changes or {})
        steps = needed([*arranged.chain.setup, self.step(request, assertions), *arranged.cleanup])
        return self.draft(title, description, category, steps, test_type=test_type, load=load, positive=positive)
