"""Every use case of the service."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from services.healer.domain import ContractHistory, decide
from services.healer.domain.decision import LEAST_CONFIDENCE
from services.healer.domain.healing import Healing
from services.healer.ports import Evidence
from shared.contracts.executor import Failure
from shared.contracts.healer import Proposal, Unhealable
from shared.eventstore import AggregateNotFound, Store, VersionConflict, retrying


class Healings:
    def __init__(self, store: Store, evidence: Evidence, least_confidence: float = LEAST_CONFIDENCE) -> None:
        self._store = store
        self._evidence = evidence
        self._least_confidence = least_confidence

    def request(self, *, org_id: str, project_id: int, run_id: str, failures: int) -> None:
        """Notes that a run wants healing, which queues the work; a repeated message changes nothing."""
        if self._find(org_id, run_id) is not None:
            return
        healing = Healing.request(org_id=org_id, project_id=project_id, run_id=run_id, failures=failures)
        try:
            self._store.save(healing)
        except VersionConflict:
            return  # another replica was faster with the same message

    def heal(self, org_id: str, run_id: str) -> None:
        """Decides for every failure of the run; done once, however often it is asked for."""
        healing = self._find(org_id, run_id)
        if healing is None or healing.decided or healing.discarded:
            return
        decisions = self._decisions(healing)
        self._change(org_id, run_id, lambda found: found.decide(decisions))

    def give_up(self, org_id: str, run_id: str) -> None:
        """Healing could not be worked out: the run goes on with its failures as they are."""
        self._change(org_id, run_id, lambda healing: healing.decide([]))

    def confirm(self, org_id: str, run_id: str, test_ids: Iterable[str]) -> None:
        """The executor recorded these tests as Healed."""
        healed = list(test_ids)
        if healed:
            self._change(org_id, run_id, lambda healing: healing.confirm(healed))

    def finish(self, org_id: str, run_id: str, *, tried: bool) -> None:
        """The run ended; `tried` is false where it was cancelled."""
        self._change(org_id, run_id, lambda healing: healing.finish(tried=tried))

    def discard(self, org_id: str, run_ids: Iterable[str]) -> None:
        """Forgets the healings of a deleted project's runs."""
        for run_id in run_ids:
            self._change(org_id, run_id, Healing.discard)

    def _decisions(self, healing: Healing) -> Sequence[Proposal | Unhealable]:
        org_id, project_id = healing.org_id, healing.project_id
        failures = self._evidence.failures(org_id, healing.run_id)
        changes = self._evidence.changes(org_id, project_id) if failures else ()
        concerned = _operations(failures) & {change.endpoint_id for change in changes}
        endpoints = self._evidence.endpoints(org_id, project_id, concerned) if concerned else ()
        history = ContractHistory((change for change in changes if change.endpoint_id in concerned), endpoints)
        return [decide(failure, history, self._least_confidence) for failure in failures]

    def _change(self, org_id: str, run_id: str, change: Callable[[Healing], None]) -> None:
        def use_case() -> None:
            healing = self._find(org_id, run_id)
            if healing is not None:
                change(healing)
                self._store.save(healing)

        retrying(use_case)

    def _find(self, org_id: str, run_id: str) -> Healing | None:
        try:
            return self._store.load(Healing, Healing.create_id(org_id, run_id))
        except AggregateNotFound:
            return None


def _operations(failures: Iterable[Failure]) -> set[int]:
    """The endpoints that the failed tests call."""
    steps = (step for failure in failures for step in failure.definition.steps)
    return {step.operation.endpoint_id for step in steps if step.operation is not None}
