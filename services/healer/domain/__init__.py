"""Deciding which failed tests the contract explains, and what the tests must become."""

from services.healer.domain.decision import decide
from services.healer.domain.operations import ContractHistory

__all__ = ["ContractHistory", "decide"]
