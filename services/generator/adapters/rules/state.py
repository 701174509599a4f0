"""Tests over several calls: what is created can be read, changed, listed and deleted, and then is gone."""

from collections.abc import Iterator
from typing import Any

from services.generator.adapters.rules import names, schema
from services.generator.adapters.rules.chains import Arranged, Chain
from services.generator.adapters.rules.changes import changed
from services.generator.adapters.rules.functional import compared
from services.generator.adapters.rules.model import Target
from services.generator.adapters.rules.subject import Subject
from services.generator.domain.draft import Draft
from shared.contracts.testcase import Assertion, JsonAssertion, RequestTemplate, StatusAssertion, Step

_SIZES = frozenset({"limit", "pagesize", "perpage", "size", "take", "top", "first", "maxresults", "count"})
_SOFT = frozenset({"cancel", "archive", "deactivate", "disable", "soft", "trash"})
_GONE = ("404", "410")
_POSITIONS = frozenset({"cursor", "after", "offset", "skip", "page", "pagetoken", "marker"})


def state(subject: Subject) -> Iterator[Draft]:
    """The life of a resource, from the view of the endpoint under test."""
    target = subject.target
    if target.ends_session or target.needs_knowledge:
        return
    if target.method == "POST" and target.tail_parameter is None:
        yield from _life(subject)
    elif target.method in ("PUT", "PATCH") and target.tail_parameter is not None:
        yield from _update(subject)
    elif target.method == "DELETE" and target.tail_parameter is not None:
        yield from _delete(subject)
    elif target.method == "GET" and target.listing is not None:
        yield from _listed(subject)
        yield from _limited(subject)


class _Story:
    """One resource made by a set-up step, and the calls on it."""

    def __init__(self, subject: Subject, creator: Target) -> None:
        self.subject = subject
        self.creator = creator
        self.chain = Chain()
        self.binding = subject.planner.create(creator, self.chain, _item_parameter(subject, creator), "full")
        self.made = next((made for made in self.chain.created if made.target is creator), None)

    def request(self, target: Target) -> Arranged:
        if self.binding is not None:
            self.chain.bound[target.collection] = self.binding
        return self.subject.planner.arrange(target, "minimal", self.chain)

    def read(self, target: Target, sent: Any, sender: Target, name: str) -> Step:
        arranged = self.request(target)
        checks: list[Assertion] = [StatusAssertion(one_of=target.success, description="It can be read")]
        checks += compared(sent, sender, target)
        return self.subject.step(arranged.request, checks, name=name, target=target)

    def update(self, target: Target) -> tuple[Step, Any] | None:
        """A call that changes values, and what it sends; None where nothing can be changed."""
        arranged = self.request(target)
        body = changed(target, arranged, self.made.sent if self.made else None)
        if body is None or not arranged.certain:
            return None
        request = _with_body(arranged, body)
        checks: list[Assertion] = [StatusAssertion(one_of=target.success, description="The change is accepted")]
        checks += compared(body, target, target)
        return self.subject.step(request, checks, name="Change it", target=target), body

    def delete(self, target: Target) -> Step | None:
        arranged = self.request(target)
        check = StatusAssertion(one_of=target.success, description="It can be deleted")
        return (
            self.subject.step(arranged.request, [check], name="Delete it", target=target) if arranged.certain else None
        )

    def gone(self, target: Target) -> Step:
        check = StatusAssertion(one_of=_GONE, description="It is gone after it was deleted")
        return self.subject.step(self.request(target).request, [check], name="Read it once more", target=target)

    def steps(self, judged: list[Step]) -> list[Step]:
        return [*self.chain.setup, *judged, *reversed(self.chain.cleanup)]


def _item_parameter(subject: Subject, creator: Target) -> str:
    items = (subject.api.item(method, creator.collection) for method in ("GET", "DELETE", "PATCH", "PUT"))
    return next((item.tail_parameter for item in items if item and item.tail_parameter), "id")


def _life(subject: Subject) -> Iterator[Draft]:
    target, api = subject.target, subject.api
    reader, deleter = api.item("GET", target.collection), api.item("DELETE", target.collection)
    updater = api.item("PATCH", target.collection) or api.item("PUT", target.collection)
    story = _Story(subject, target)
    if reader is None or story.made is None:
        return
    judged = [story.read(reader, story.made.sent, target, "Read it back")]
    told = ["create", "read"]
    if updater is not None and (update := story.update(updater)) is not None:
        judged += [update[0], story.read(reader, update[1], updater, "Read the change")]
        told += ["update", "read again"]
    if deleter is not None and _final(deleter) and (delete := story.delete(deleter)) is not None:
        judged += [delete, story.gone(reader)]
        told += ["delete", "gone"]
    thing = target.noun or "resource"
    description = f"Makes a {thing} and follows its life: {', '.join(told)}. Every read shows the values sent before."
    yield subject.draft(f"Life of a {thing}: {', '.join(told)}", description, "state", story.steps(judged))


def _update(subject: Subject) -> Iterator[Draft]:
    target, api = subject.target, subject.api
    collection = target.collection.removesuffix("/{}")
    creator, reader = api.at("POST", collection), api.at("GET", target.collection)
    if creator is None or reader is None:
        return
    story = _Story(subject, creator)
    update = story.update(target) if story.binding is not None else None
    if update is None:
        return
    judged = [update[0], story.read(reader, update[1], target, "Read the change")]
    thing = creator.noun or "resource"
    description = f"Makes a {thing}, changes it, and reads it again: the new values are there to stay."
    yield subject.draft(
        f"{target.name} is kept: the change can be read back", description, "state", story.steps(judged)
    )


def _delete(subject: Subject) -> Iterator[Draft]:
    target, api = subject.target, subject.api
    creator, reader = api.at("POST", target.collection.removesuffix("/{}")), api.at("GET", target.collection)
    if creator is None or reader is None or not _final(target):
        return
    story = _Story(subject, creator)
    delete = story.delete(target) if story.binding is not None else None
    if delete is None:
        return
    description = f"Makes a {creator.noun or 'resource'}, deletes it, and expects that it can't be read any more."
    yield subject.draft(
        f"{target.name} is final: what was deleted is gone",
        description,
        "state",
        story.steps([delete, story.gone(reader)]),
    )


def _final(deleter: Target) -> bool:
    said = {*names.words(deleter.operation.summary), *names.words(deleter.operation.operation_id or "")}
    return "202" not in deleter.success and not said & _SOFT


def _listed(subject: Subject) -> Iterator[Draft]:
    target = subject.target
    creator = subject.api.at("POST", target.collection)
    if creator is None or target.listing is None or target.answer is None:
        return
    paged = any(names.normal(p.name) in _SIZES | _POSITIONS for p in target.parameters("query"))
    undoable = subject.api.item("DELETE", creator.collection) is not None
    nested = any(part.startswith("{") for part in target.segments)
    story = _Story(subject, creator)
    found = target.id_for_item(_item_parameter(subject, creator))
    if story.made is None or found is None or (paged and not nested and not undoable):
        return
    arranged = story.request(target)
    size = _size_parameter(target)
    query = {**arranged.request.query, **({size[0]: size[2]} if size and size[2] else {})}
    if not arranged.certain or story.binding is None:
        return
    contains = JsonAssertion(
        path=found, op="contains", value=story.binding.template, description="The list has what was created"
    )
    status = StatusAssertion(one_of=target.success, description="The list can be read")
    request = arranged.request.model_copy(update={"query": query})
    step = subject.step(request, [status, contains])
    description = f"Makes a {creator.noun or 'resource'} and expects to find it in the list."
    yield subject.draft(f"{target.name} shows what was created", description, "state", story.steps([step]))


def _limited(subject: Subject) -> Iterator[Draft]:
    """Asks for fewer than there are: no more may come."""
    target = subject.target
    size = _size_parameter(target)
    if target.listing is None or size is None:
        return
    creator = subject.api.at("POST", target.collection)
    chain = Chain()
    if creator is not None:
        for _ in range(size[1] + 1 if size[1] <= 2 else 0):  # noqa: PLR2004
            subject.planner.create(creator, chain, _item_parameter(subject, creator))
    arranged = subject.planner.arrange(target, "minimal", chain)
    if not arranged.certain:
        return
    expected = subject.expected(arranged)
    request = arranged.request.model_copy(update={"query": {**arranged.request.query, size[0]: size[1]}})
    fewer = JsonAssertion(
        path=target.listing[0], op="max_length", value=size[1], description=f"No more than {size[1]} are returned"
    )
    step = subject.step(request, [expected.assertion(), fewer])
    steps = [*chain.setup, step, *arranged.cleanup]
    description = f"Asks for at most {size[1]} with `{size[0]}` and expects no more than that."
    yield subject.draft(f"{target.name} honours `{size[0]}`", description, "pagination", steps, positive=True)


def _size_parameter(target: Target) -> tuple[str, int, int | None] | None:
    """Name, smallest useful value and largest value of the parameter that limits the length of a list."""
    for parameter in target.parameters("query"):
        flat = schema.flatten(parameter.json_schema, parameter.json_schema)
        if names.normal(parameter.name) in _SIZES and schema.kind_of(flat) == "integer":
            low = int(flat.get("minimum", flat.get("exclusiveMinimum", 0) + 1) or 1)
            high = flat.get("maximum")
            return parameter.name, max(low, 1), int(high) if isinstance(high, int | float) else None
    return None


def _with_body(arranged: Arranged, body: Any) -> RequestTemplate:
    source = arranged.target.body
    if source is None:
        return arranged.request
    update = {"body": body, "body_kind": source.kind, "content_type": source.media_type}
    return arranged.request.model_copy(update=update)
