"""Patterns of a hostile contract cost bounded time and memory."""

from __future__ import annotations

from random import Random

import pytest

from services.generator.adapters.rules import values
from services.generator.adapters.rules.values import Unsatisfiable


@pytest.mark.timeout(20)
@pytest.mark.parametrize("pattern", ["((((a{100}){100}){100}){100})", "(((a+)+)+)+$", "(x{5000}){5000}"])
def test_a_pattern_of_immense_texts_has_no_value(pattern: str) -> None:
    with pytest.raises(Unsatisfiable):
        values._from_pattern(pattern, 0, None, Random(1))


@pytest.mark.timeout(20)
@pytest.mark.parametrize("pattern", ["^(a+)+$", "^(a|aa)+$", "(.*a){30}b$"])
def test_a_pattern_that_backtracks_for_ever_is_given_up(pattern: str) -> None:
    assert values._matches(pattern, "a" * 60 + "!") is False


@pytest.mark.parametrize("pattern", ["^[A-Z]{3}-[0-9]{4}$", r"^[a-z]+@[a-z]+\.[a-z]{2,}$", "^(red|green)$"])
def test_usual_patterns_have_values(pattern: str) -> None:
    assert values._matches(pattern, values._from_pattern(pattern, 0, None, Random(1)))
