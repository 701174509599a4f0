"""Which domain events become contract events and jobs: the only way out."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from services.healer.domain.healing import Healing
from shared.contracts.healer import HealingDecided, Proposal, TestHealed, TestNeedsReview, Unhealable
from shared.eventstore import Recorded, Store
from shared.messaging import Enqueue, Publish

QUEUE = "healing"


def publisher(store: Store) -> Callable[[Recorded], Iterable[Publish | Enqueue]]:
    def published(recorded: Recorded) -> Iterable[Publish | Enqueue]:
        match recorded.event:
            case Healing.Created() as event:
                payload = {"run_id": event.run_id, "project_id": event.project_id}
                yield Enqueue(QUEUE, str(event.originator_id), payload)
            case Healing.Decided() as event:
                yield from _decided(_healing(store, event), event)
            case Healing.Confirmed() as event:
                yield from _confirmed(_healing(store, event), event.test_ids)
            case Healing.Rejected(tried=True) as event:
                yield from _rejected(_healing(store, event), event.test_ids)

    return published


def _healing(store: Store, event: Healing.Event) -> Healing:
    return store.load(Healing, event.originator_id, event.originator_version)


def _decided(healing: Healing, event: Healing.Decided) -> Iterator[Publish]:
    unhealable = tuple(Unhealable.model_validate(item) for item in event.unhealable)
    decided = HealingDecided(
        project_id=healing.project_id,
        run_id=healing.run_id,
        proposals=tuple(Proposal.model_validate(item) for item in event.proposals),
        unhealable=unhealable,
        part=event.part,
        last=event.last,
    )
    yield Publish(decided, "healing", healing.run_id)
    for item in unhealable:
        if item.verdict != "environment":  # nothing is known to be wrong with the test
            yield _needs_review(healing, item.test_id, item.verdict, item.reason)


def _confirmed(healing: Healing, test_ids: Iterable[str]) -> Iterator[Publish]:
    for test_id in test_ids:
        proposal = Proposal.model_validate(healing.proposals[test_id])
        healed = TestHealed(
            project_id=healing.project_id,
            run_id=healing.run_id,
            test_id=test_id,
            definition=proposal.definition,
            changes=proposal.changes,
        )
        yield Publish(healed, "healing", healing.run_id)


def _rejected(healing: Healing, test_ids: Iterable[str]) -> Iterator[Publish]:
    for test_id in test_ids:
        yield _needs_review(healing, test_id, "regression", "Edited for the new contract, the test failed as well.")


def _needs_review(healing: Healing, test_id: str, verdict: str, reason: str) -> Publish:
    event = TestNeedsReview(
        project_id=healing.project_id, run_id=healing.run_id, test_id=test_id, verdict=verdict, reason=reason
    )
    return Publish(event, "healing", healing.run_id)
