"""The parts of a set-up chain: steps, what they make, and the request that they are for."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from services.generator.adapters.rules import schema
from services.generator.adapters.rules.inputs import on_the_wire
from services.generator.adapters.rules.model import Id, Target
from services.generator.adapters.rules.values import UNIQUE, Binding, sampled
from shared.contracts.testcase import Extract, RequestTemplate, StatusAssertion, Step


@dataclass(frozen=True)
class Created:
    """A resource that a set-up step makes: what was sent, where its id is, and the variable that holds it."""

    target: Target
    sent: Any
    id: Id
    variable: str


@dataclass
class Chain:
    """The set-up steps of one test, with the variables that they define."""

    setup: list[Step] = field(default_factory=list)
    cleanup: list[Step] = field(default_factory=list)
    bound: dict[str, Binding] = field(default_factory=dict)
    """Binding by path shape (`/users/{}`) and by noun (`user`)."""
    created: list[Created] = field(default_factory=list)
    uses: Counter[int] = field(default_factory=Counter)
    active: set[int] = field(default_factory=set)
    doubts: list[str] = field(default_factory=list)

    def variable(self, noun: str) -> str:
        taken = {extract.name for step in self.setup for extract in step.extract}
        wanted = f"{noun or 'resource'}_id"
        return next(
            name for name in (wanted, *(f"{wanted}_{n}" for n in range(2, len(taken) + 3))) if name not in taken
        )


@dataclass(frozen=True)
class Arranged:
    """A valid request with everything around it. Without doubts, the contract promises that it succeeds."""

    target: Target
    request: RequestTemplate
    chain: Chain
    doubts: tuple[str, ...] = ()
    bindings: dict[str, Binding] = field(default_factory=dict)

    @property
    def certain(self) -> bool:
        return not self.doubts

    @property
    def cleanup(self) -> list[Step]:
        return list(reversed(self.chain.cleanup))

    def sent(self) -> Any:
        """The body as it may look on the wire."""
        return sampled(self.request.body, self.bindings)


def setup_step(target: Target, request: RequestTemplate, extract: tuple[Extract, ...]) -> Step:
    verb = {"POST": "create", "PUT": "create", "GET": "look up"}.get(target.method, "call")
    return Step(
        role="setup",
        name=f"Set up: {verb} a {target.noun or 'resource'}",
        operation=target.ref,
        request=on_the_wire(request, target),
        extract=extract,
        assertions=(StatusAssertion(one_of=target.success, description="The set-up call succeeds"),),
    )


def respelled(made: Arranged, uses: int) -> RequestTemplate:
    """The request with its unique names changed, where the same resource is already made once in this test."""
    if uses == 0 or made.target.body is None:
        return made.request
    body = _replaced(made.request.body, UNIQUE, f"{UNIQUE}{uses + 1}")
    fits = schema.accepts(made.target.body.json_schema, sampled(body, made.bindings))
    return made.request.model_copy(update={"body": body}) if fits else made.request


def _replaced(value: Any, old: str, new: str) -> Any:
    if isinstance(value, dict):
        return {key: _replaced(inner, old, new) for key, inner in value.items()}
    if isinstance(value, list):
        return [_replaced(inner, old, new) for inner in value]
    return value.replace(old, new) if isinstance(value, str) else value
