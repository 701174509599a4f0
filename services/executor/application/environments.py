"""Sealing a run's environment, so that no event, job or log has its secrets in the clear."""

from __future__ import annotations

from services.executor.ports import Environment, Sealer


def seal(sealer: Sealer, environment: Environment, org_id: str, run_number: int) -> str:
    return sealer.seal(environment.model_dump_json().encode(), _context(org_id, run_number))


def unseal(sealer: Sealer, sealed: str, org_id: str, run_number: int, base_url: str = "") -> Environment:
    """The environment; an empty base URL of its own gives way to `base_url` (the project's, or the planned one)."""
    environment = Environment.model_validate_json(sealer.open(sealed, _context(org_id, run_number)))
    return environment if environment.base_url else environment.model_copy(update={"base_url": base_url})


def _context(org_id: str, run_number: int) -> str:
    return f"run-environment/{org_id}/{run_number}"
