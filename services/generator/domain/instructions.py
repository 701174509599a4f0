"""User instructions in simple words, turned into what tests check; what is not understood is kept and reported."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace

from services.generator.domain.draft import Draft
from shared.contracts.testcase import (
    Assertion,
    HeaderAssertion,
    JsonAssertion,
    LoadAssertion,
    LoadProfile,
    StatusAssertion,
    Step,
    TimeAssertion,
)

_TIME = re.compile(
    r"\b(?:respon\w*|answers?|latency|time|faster|within|under|below|less than|at most|max\w*)\b[^0-9]*"
    r"([0-9]+(?:\.[0-9]+)?)\s*(ms|millis\w*|s|secs?|seconds?)\b",
    re.IGNORECASE,
)
_HEADER_ABSENT = re.compile(
    r"(?:\bno header\s+[`'\"]?([A-Za-z][\w-]*)"
    r"|\bheader\s+[`'\"]?([A-Za-z][\w-]*)[`'\"]?\s+(?:must not|should not|is absent|must be absent))",
    re.IGNORECASE,
)
_HEADER_VALUE = re.compile(
    r"\bheader\s+[`'\"]?([A-Za-z][\w-]*)[`'\"]?\s*(?:must be|should be|equals?|is|to be|contains|=|:)\s*[`'\"]?"
    r"(?!present\b|set\b|there\b|required\b|included\b|returned\b|sent\b)([^`'\"\s][^`'\"]*)",
    re.IGNORECASE,
)
_HEADER = re.compile(
    r"(?:\bheaders?\s+[`'\"]?([A-Za-z][\w-]*)|[`'\"]?\b([A-Za-z][\w]*-[\w-]*)[`'\"]?\s+(?:response\s+)?header\b)",
    re.IGNORECASE,
)
_STATUS = re.compile(r"\b(?:status(?:\s+code)?|expect\w*|return\w*)\D{0,20}\b([1-5][0-9]{2})\b", re.IGNORECASE)
_FIELD = re.compile(
    r"\b(?:response|answer|body|json)\b.*\b(?:contain|include|have|has)s?\b\s+(?:a |an |the )?"
    r"(?:field|property|key)?\s*[`'\"]?([A-Za-z_][\w.]*)",
    re.IGNORECASE,
)
_LOAD = re.compile(
    r"\b([0-9]+)\s+(?:concurrent|parallel)\b|\bconcurrency\D{0,5}([0-9]+)|\b([0-9]+)\s+requests\b", re.IGNORECASE
)
_SKIP = re.compile(
    r"^\s*(?:skip|no|without|exclude|omit|don't (?:write|generate)|do not (?:write|generate))\s+(.+)$", re.IGNORECASE
)
_ONLY = re.compile(r"^\s*only\s+(.+)$", re.IGNORECASE)
_FOCUS = re.compile(r"^\s*(?:please\s+)?(?:focus|concentrate|emphasi[sz]e)(?:\s+on)?\s+(.+)$", re.IGNORECASE)
_NOISE = frozenset({"test", "tests", "and", "or", "the", "any", "please", "cases", "on", "a", "of", "for", "testing"})
_SYNONYMS = {
    "auth": ("auth_missing", "auth_invalid"),
    "authentication": ("auth_missing", "auth_invalid"),
    "injection": ("injection_sql", "injection_xss"),
    "sql": ("injection_sql",),
    "xss": ("injection_xss",),
    "negative": ("invalid",),
    "boundary": ("edge",),
    "edges": ("edge",),
    "stateful": ("state",),
}
_KINDS = frozenset({"functional", "security", "performance"})
_CATEGORIES = frozenset(
    {
        *("valid", "invalid", "edge", "state", "not_found", "pagination", "auth_missing", "auth_invalid"),
        *("authorization", "injection_sql", "injection_xss", "response_time", "load", "rate_limit"),
    }
)
_MOST_REQUESTS, _MOST_CLIENTS = 10_000, 100


@dataclass(frozen=True)
class Instructions:
    """What was understood. `assertions` go to every test step that expects success."""

    text: str = ""
    max_ms: float | None = None
    status: str | None = None
    assertions: tuple[Assertion, ...] = ()
    skipped: frozenset[str] = frozenset()
    only: frozenset[str] = frozenset()
    focus: tuple[str, ...] = ()
    concurrency: int | None = None
    requests: int | None = None
    not_applied: tuple[str, ...] = field(default=())

    def wants(self, draft: Draft) -> bool:
        said = {draft.test_type.lower(), draft.category}
        return not said & self.skipped and (not self.only or bool(said & self.only))

    def in_focus(self, draft: Draft) -> bool:
        said = f"{draft.title} {draft.category} {draft.test_type} {draft.description}".lower()
        return any(word in said for word in self.focus)

    def applied(self, draft: Draft) -> Draft:
        """The draft with the instructions in its assertions, priority, load profile and description."""
        steps = tuple(self._step(step, draft) for step in draft.definition.steps)
        definition = draft.definition.model_copy(update={"steps": steps, "load": self._load(draft.definition.load)})
        described = draft.description
        if self.not_applied:
            described += " Instructions kept for a reader, not applied: " + "; ".join(self.not_applied) + "."
        priority = "High" if self.in_focus(draft) else draft.priority
        return replace(draft, definition=definition, description=described, priority=priority)

    def _step(self, step: Step, draft: Draft) -> Step:
        if step.role != "test":
            return step
        kept: list[Assertion] = [self._timed(assertion) for assertion in step.assertions]
        if draft.positive:
            kept += self.assertions
            if self.max_ms is not None and not any(isinstance(a, TimeAssertion) for a in kept):
                kept.append(TimeAssertion(max_ms=self.max_ms, description=_budget(self.max_ms)))
            if self.status is not None:
                expected = StatusAssertion(one_of=(self.status,), description=f"Answers {self.status}, as instructed")
                kept = [expected, *(a for a in kept if not isinstance(a, StatusAssertion))]
        return step.model_copy(update={"assertions": tuple(kept)})

    def _timed(self, assertion: Assertion) -> Assertion:
        if self.max_ms is not None and isinstance(assertion, TimeAssertion):
            return TimeAssertion(max_ms=self.max_ms, description=_budget(self.max_ms))
        if self.max_ms is not None and isinstance(assertion, LoadAssertion) and assertion.max_ms is not None:
            return assertion.model_copy(update={"max_ms": self.max_ms})
        return assertion

    def _load(self, profile: LoadProfile | None) -> LoadProfile | None:
        if profile is None:
            return None
        requests = min(self.requests or profile.requests, _MOST_REQUESTS)
        return LoadProfile(requests=requests, concurrency=min(self.concurrency or profile.concurrency, _MOST_CLIENTS))


def _budget(max_ms: float) -> str:
    return f"The answer comes within {max_ms:g} ms, as instructed"


def understood(text: str) -> Instructions:
    """Reads instructions clause by clause (lines, sentences, semicolons)."""
    found = Instructions(text=text.strip())
    for clause in re.split(r"[\n;]+|(?<=[a-z0-9])\.(?:\s+|$)", text):
        said = clause.strip(" -*•\t.")
        if not said:
            continue
        for reader in _READERS:
            grown = reader(found, said)
            if grown is not None:
                found = grown
                break
        else:
            found = replace(found, not_applied=(*found.not_applied, said))
    return found


def _skip(found: Instructions, said: str) -> Instructions | None:
    match = _SKIP.match(said)
    names = _selectors(match.group(1)) if match else frozenset()
    return replace(found, skipped=found.skipped | names) if names else None


def _only(found: Instructions, said: str) -> Instructions | None:
    match = _ONLY.match(said)
    names = _selectors(match.group(1)) if match else frozenset()
    return replace(found, only=found.only | names) if names else None


def _focus(found: Instructions, said: str) -> Instructions | None:
    match = _FOCUS.match(said)
    if match is None:
        return None
    words = tuple(word for word in re.findall(r"[\w/{}-]+", match.group(1).lower()) if word not in _NOISE)
    return replace(found, focus=(*found.focus, *words)) if words else None


def _selectors(words: str) -> frozenset[str]:
    found: set[str] = set()
    for word in re.findall(
        r"[a-z_]+", words.lower().replace("rate limit", "rate_limit").replace("response time", "response_time")
    ):
        if word in _KINDS | _CATEGORIES:
            found.add(word)
        found.update(_SYNONYMS.get(word, ()))
    return frozenset(found)


def _headers(found: Instructions, said: str) -> Instructions | None:
    if (match := _HEADER_ABSENT.search(said)) is not None:
        name = match.group(1) or match.group(2)
        check = HeaderAssertion(name=name, op="absent", description=f"Header {name} is absent, as instructed")
    elif (match := _HEADER_VALUE.search(said)) is not None:
        name, value = match.group(1), match.group(2).strip()
        check = HeaderAssertion(
            name=name, op="contains", value=value, description=f"Header {name} has {value}, as instructed"
        )
    elif (match := _HEADER.search(said)) is not None:
        name = match.group(1) or match.group(2)
        check = HeaderAssertion(name=name, description=f"Header {name} is present, as instructed")
    else:
        return None
    return replace(found, assertions=(*found.assertions, check))


def _time(found: Instructions, said: str) -> Instructions | None:
    match = _TIME.search(said)
    if match is None:
        return None
    scale = 1.0 if match.group(2).lower().startswith("m") else 1000.0
    return replace(found, max_ms=float(match.group(1)) * scale)


def _status(found: Instructions, said: str) -> Instructions | None:
    match = _STATUS.search(said)
    return replace(found, status=match.group(1)) if match else None


def _load(found: Instructions, said: str) -> Instructions | None:
    clients, requests = None, None
    for match in _LOAD.finditer(said):
        clients = int(match.group(1) or match.group(2) or 0) or clients
        requests = int(match.group(3) or 0) or requests
    if clients is None and requests is None:
        return None
    return replace(found, concurrency=clients or found.concurrency, requests=requests or found.requests)


def _fields(found: Instructions, said: str) -> Instructions | None:
    match = _FIELD.search(said)
    if match is None:
        return None
    name = match.group(1).rstrip(".")
    check = JsonAssertion(path=f"$.{name}", op="exists", description=f"`{name}` is in the answer, as instructed")
    return replace(found, assertions=(*found.assertions, check))


_READERS: tuple[Callable[[Instructions, str], Instructions | None], ...] = (
    *(_skip, _only, _focus, _headers, _time, _status, _load, _fields),
)
