"""Heal from the contract, never from the answer: what becomes of a failed test.

A test is edited only where the contract of an operation that it calls moved since the test was written, and only a
change that can explain the failure counts. Whether the edited test holds is shown by running it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from services.healer.domain.edits import edit_step, label
from services.healer.domain.log import REQUEST, EditLog
from services.healer.domain.operations import ContractHistory, Moves, Removal
from shared.contracts.executor import Failure, TestResult
from shared.contracts.healer import Change, Proposal, Unhealable
from shared.contracts.testcase import Step

LEAST_CONFIDENCE = 0.6
_JUDGED = frozenset({"status", "header", "json", "schema", "body", "time", "load", "extract"})


@dataclass(frozen=True)
class _EditedStep:
    step: Step
    log: EditLog | None = None
    removed: Removal | None = None


def decide(
    failure: Failure, history: ContractHistory, least_confidence: float = LEAST_CONFIDENCE
) -> Proposal | Unhealable:
    """The edited test to try in place of the failed one, or why there is none."""
    result = failure.result
    if result.error_code == "EXEC_002":
        return _refuse(result, "environment", "The target could not be reached; the test says nothing about it.")
    edited = [_edit(step, history) for step in failure.definition.steps]
    failing = _Failing.of(result, len(edited))
    gone = [item.removed for index, item in enumerate(edited) if item.removed and failing.after(index, item.step)]
    if gone:
        return _refuse(result, "endpoint_removed", f"{label(gone[0].old)} is no longer in the contract.")
    problems = _problems(edited, failing)
    if problems:
        return _refuse(result, "ambiguous", "; ".join(problems))
    if not _explains(edited, failing):
        return _unexplained(result, edited)
    changes = _changes(edited)
    if min(change.confidence for change in changes) < least_confidence:
        return _refuse(result, "ambiguous", "The contract moved, but not clearly enough: " + changes[0].reason)
    definition = failure.definition.model_copy(update={"steps": tuple(item.step for item in edited)})
    return Proposal(test_id=result.test_id, definition=definition, changes=changes)


def _edit(step: Step, history: ContractHistory) -> _EditedStep:
    if step.operation is None:
        return _EditedStep(step)
    moved = history.since(step.operation.endpoint_id, step.operation.revision)
    if isinstance(moved, Moves):
        return _EditedStep(*edit_step(step, moved))
    return _EditedStep(step, removed=moved)


@dataclass(frozen=True)
class _Failing:
    """Where the test failed first, and by which kinds of assertions; None: unknown, any edit may explain it."""

    step: int
    kinds: frozenset[str] | None

    @classmethod
    def of(cls, result: TestResult, steps: int) -> _Failing:
        failed = [outcome for outcome in result.assertions if not outcome.passed]
        broken = [exchange.step for exchange in result.exchanges if exchange.error]
        if not failed and not broken:
            answered = [exchange.step for exchange in result.exchanges]
            return cls(max(answered, default=steps), None)
        step = min([outcome.step for outcome in failed] + broken)
        kinds = frozenset(outcome.kind for outcome in failed if outcome.step == step)
        return cls(step, kinds if kinds and kinds <= _JUDGED and step not in broken else None)

    def after(self, index: int, step: Step) -> bool:
        """Whether what is wrong with the step at `index` can show in this failure."""
        return index <= self.step and (step.role != "cleanup" or index == self.step)

    def touched_by(self, index: int, item: _EditedStep, scopes: set[str]) -> bool:
        if not self.after(index, item.step) or not scopes:
            return False
        if self.kinds is None or scopes & {REQUEST, "extract"}:
            return True
        return index == self.step and bool(scopes & self.kinds)


def _explains(edited: list[_EditedStep], failing: _Failing) -> bool:
    return any(failing.touched_by(index, item, item.log.touched) for index, item in enumerate(edited) if item.log)


def _problems(edited: list[_EditedStep], failing: _Failing) -> list[str]:
    found: list[str] = []
    for index, item in enumerate(edited):
        if item.log and failing.touched_by(index, item, set(item.log.problems)):
            found += [text for texts in item.log.problems.values() for text in texts]
    return list(dict.fromkeys(found))


def _changes(edited: list[_EditedStep]) -> tuple[Change, ...]:
    """The edits of all steps, each once."""
    found: dict[tuple[int, str, str, str], Change] = {}
    for item in edited:
        for change in item.log.changes if item.log else ():
            found.setdefault((change.endpoint_id, change.change_type, change.old_value, change.new_value), change)
    return tuple(found.values())


def _unexplained(result: TestResult, edited: list[_EditedStep]) -> Unhealable:
    if result.status == "Skipped":
        return _refuse(result, "environment", "The set-up did not succeed, and no contract change explains it.")
    if any(item.log for item in edited):
        return _refuse(
            result,
            "regression",
            "The contract moved since the test was written, but not so that it explains this failure.",
        )
    return _refuse(
        result, "regression", "The contract did not move, so there is nothing to heal: look at how the API behaves."
    )


def _refuse(
    result: TestResult, verdict: Literal["regression", "endpoint_removed", "ambiguous", "environment"], reason: str
) -> Unhealable:
    return Unhealable(test_id=result.test_id, verdict=verdict, reason=reason)
