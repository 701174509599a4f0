"""Expected status codes, and what the contract documents in their place now."""

from __future__ import annotations

import re

from services.healer.domain.log import EditLog
from services.healer.domain.operations import OperationChange, documented
from shared.contracts.scanner import Operation
from shared.contracts.testcase import Assertion, StatusAssertion, Step


def expected_codes(assertions: tuple[Assertion, ...]) -> tuple[str, ...]:
    """The codes and classes that the assertions allow; success where they say nothing."""
    codes = [code.upper() for item in assertions if isinstance(item, StatusAssertion) for code in item.one_of]
    return tuple(codes) or ("2XX",)


def expects_success(step: Step) -> bool:
    return any(code.startswith("2") for code in expected_codes(step.assertions))


def expects_refusal(step: Step) -> bool:
    return all(code.startswith("4") for code in expected_codes(step.assertions))


def edit_statuses(assertions: tuple[Assertion, ...], change: OperationChange, log: EditLog) -> tuple[Assertion, ...]:
    """The assertions with the codes that replaced those no longer documented."""
    return tuple(_edited(item, change, log) if isinstance(item, StatusAssertion) else item for item in assertions)


def _edited(assertion: StatusAssertion, change: OperationChange, log: EditLog) -> StatusAssertion:
    codes = tuple(dict.fromkeys(_successor(code, assertion, change, log) for code in assertion.one_of))
    if codes == assertion.one_of:
        return assertion
    said = assertion.description
    for old, new in zip(assertion.one_of, codes, strict=False):
        said = re.sub(rf"\b{re.escape(old)}\b", new, said)
    return assertion.model_copy(update={"one_of": codes, "description": said})


def _successor(code: str, assertion: StatusAssertion, change: OperationChange, log: EditLog) -> str:
    successors = successors_of(code, change.old, change.new)
    if successors == (code,) or any(other in assertion.one_of for other in successors):
        return code
    operation = f"{change.new.method.upper()} {change.new.path}"
    if len(successors) > 1:
        listed = ", ".join(successors)
        log.problem("status", f"{operation} no longer documents {code}; it may be any of {listed}")
        return code
    if successors:
        reason = f"{operation} documents {successors[0]} in place of {code}"
        log.note("status", "status_change", code, successors[0], reason, 0.9)
        return successors[0]
    return code


def successors_of(code: str, old: Operation, new: Operation) -> tuple[str, ...]:
    """What the contract documents in place of a code: itself where nothing changed, nothing where it is only gone."""
    if documented(old, code) is None or documented(new, code) is not None:
        return (code,)
    family = code[:1]
    now = [key for key in new.responses if key.startswith(family)]
    come = tuple(key for key in now if key not in old.responses)
    if come:
        return come
    return tuple(now) if family == "2" else ()
