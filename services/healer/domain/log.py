"""What the edits of a step write down: the changes made, what they touched, and what could not be decided."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from shared.contracts.healer import Change

ChangeType = Literal["path_change", "schema_change", "parameter_change", "status_change", "auth_change"]
REQUEST = "request"
"""The scope of an edit that changes what is sent; the others are kinds of assertions, and `extract`."""


@dataclass
class EditLog:
    """Edits of one step. `touched` holds their scopes; `problems` what a person must decide, by scope."""

    endpoint_id: int
    revision: int
    changes: list[Change] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)
    problems: dict[str, list[str]] = field(default_factory=dict)

    def note(
        self, scope: str, change_type: ChangeType, old: str, new: str, reason: str, confidence: float = 1.0
    ) -> None:
        """One edit, with the contract change that justifies it."""
        self.touched.add(scope)
        change = Change(
            change_type=change_type,
            old_value=old,
            new_value=new,
            reason=f"{reason} (contract revision {self.revision})",
            endpoint_id=self.endpoint_id,
            confidence=confidence,
        )
        if change not in self.changes:
            self.changes.append(change)

    def join(self, later: EditLog) -> None:
        """Adds the edits of a later scan; a name that moved on shows as one move."""
        for change in later.changes:
            before = next((old for old in self.changes if _goes_on(old, change)), None)
            if before is None:
                self.changes.append(change)
                continue
            self.changes.remove(before)
            confidence = min(before.confidence, change.confidence)
            merged = change.model_copy(update={"old_value": before.old_value, "confidence": confidence})
            if merged.old_value != merged.new_value:
                self.changes.append(merged)
        self.touched |= later.touched
        for scope, texts in later.problems.items():
            for text in texts:
                self.problem(scope, text)

    def problem(self, scope: str, text: str) -> None:
        found = self.problems.setdefault(scope, [])
        if text not in found:
            found.append(text)


def _goes_on(before: Change, after: Change) -> bool:
    return bool(after.old_value) and (before.change_type, before.new_value) == (after.change_type, after.old_value)


@dataclass(frozen=True)
class Place:
    """A named part of a request or answer, and the log for its edits."""

    log: EditLog
    scope: str
    change_type: ChangeType
    name: str
    """For people: "the body of POST /books"."""

    def renamed(self, old: str, new: str, confidence: float) -> None:
        self.log.note(self.scope, self.change_type, old, new, f"{self.name}: `{old}` is `{new}` now", confidence)

    def removed(self, old: str) -> None:
        self.log.note(self.scope, self.change_type, old, "", f"{self.name}: `{old}` is gone", 0.9)

    def added(self, name: str, value: object, confidence: float) -> None:
        reason = f"{self.name}: `{name}` is required now"
        self.log.note(self.scope, self.change_type, "", f"{name} = {value!r}", reason, confidence)

    def adapted(self, name: str, old: object, new: object) -> None:
        reason = f"{self.name}: the schema of `{name}` changed"
        self.log.note(self.scope, self.change_type, f"{name} = {old!r}", f"{name} = {new!r}", reason, 0.85)

    def unclear(self, name: str, candidates: tuple[str, ...]) -> None:
        listed = ", ".join(f"`{candidate}`" for candidate in candidates)
        self.log.problem(self.scope, f"{self.name}: `{name}` is gone and may be any of {listed} now")

    def undecided(self, text: str) -> None:
        self.log.problem(self.scope, f"{self.name}: {text}")
