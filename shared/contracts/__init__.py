"""Contracts between services: frozen models, one module a publisher, additive only."""

from shared.contracts import auth, executor, generator, healer, projects, scanner, testcase
from shared.contracts.base import CONTRACT_EVENTS, Contract, ContractEvent, Query

__all__ = [
    "CONTRACT_EVENTS",
    "Contract",
    "ContractEvent",
    "Query",
    "auth",
    "executor",
    "generator",
    "healer",
    "projects",
    "scanner",
    "testcase",
]
