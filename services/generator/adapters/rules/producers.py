"""Who makes the ids that an operation consumes: found by path hierarchy, by nouns, and by what answers carry."""

from collections.abc import Iterator
from dataclasses import dataclass

from services.generator.adapters.rules import names, schema
from services.generator.adapters.rules.model import Api, Id, Target, id_in, template

_PEOPLE = frozenset({"user", "account", "member", "profile", "person", "customer"})
_SELF = frozenset({"me", "whoami", "self", "current"})
_WRITES = frozenset({"PUT", "PATCH", "DELETE"})


@dataclass(frozen=True)
class Producer:
    """An operation whose answer carries an id. `id` is None where it creates: then the planner works it out."""

    target: Target
    id: Id | None = None


class Producers:
    """The producer side of the producer/consumer graph of one API."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def for_path(self, consumer: Target, at: int, parameter: str) -> Iterator[Producer]:
        """Producers of the path parameter in segment number `at`, the best first.

        What a consumer changes or deletes is always made by the test itself, never found in the API's data.
        """
        collection = template(consumer.segments[:at])
        nouns = self._nouns(consumer, at, parameter)
        own = consumer.tail_parameter == parameter and consumer.method in _WRITES
        if not own and consumer.operation.requires_auth and set(nouns) & _PEOPLE:
            yield from self._caller(parameter)
        creator = self._api.at("POST", collection)
        if creator is not None and creator is not consumer:
            yield Producer(creator)
        for noun in nouns:
            yield from (Producer(found) for found in self._api.having("POST", noun) if found not in (creator, consumer))
        if not own:
            lister = self._api.at("GET", collection)
            yield from self._listed(lister, parameter)
            for noun in nouns:
                for found in self._api.having("GET", noun):
                    if found is not lister:
                        yield from self._listed(found, parameter)

    def for_noun(self, consumer: Target, noun: str) -> Iterator[Producer]:
        """Producers of the id of a resource that a body or query refers to."""
        if consumer.operation.requires_auth and noun in _PEOPLE:
            yield from self._caller("id")
        yield from (Producer(found) for found in self._api.having("POST", noun) if found is not consumer)
        for found in self._api.having("GET", noun):
            yield from self._listed(found, "id")

    def _nouns(self, consumer: Target, at: int, parameter: str) -> list[str]:
        nouns = list(names.nouns_referred(parameter))
        before = consumer.segments[at - 1] if at else ""
        if before and not before.startswith("{"):
            nouns.append(names.noun_of(before))
        return list(dict.fromkeys(nouns))

    def _caller(self, parameter: str) -> Iterator[Producer]:
        """The operation that says who the caller is: what belongs to people is often only theirs to see."""
        for target in self._api.targets:
            last = target.segments[-1].lower() if target.segments else ""
            if target.method == "GET" and set(names.words(last)) & _SELF and target.answer is not None:
                flat = schema.flatten(target.answer, target.answer)
                found = id_in(flat, target.answer, parameter, "user")
                if found is not None:
                    yield Producer(target, found)

    def _listed(self, lister: Target | None, parameter: str) -> Iterator[Producer]:
        if lister is None or lister.listing is None or lister.answer is None:
            return
        path, item = lister.listing
        found = id_in(item, lister.answer, parameter, lister.noun, at=f"{path}[0]")
        if found is not None:
            yield Producer(lister, found)
