"""What auth tells the others: ids only, nothing personal."""

from __future__ import annotations

from collections.abc import Iterator

from services.auth.domain import ApiKey, Organisation, User
from shared.contracts.auth import ApiKeyCreated, ApiKeyRevoked, OrganisationCreated, UserRegistered
from shared.eventstore import Recorded
from shared.messaging import Publish


def published(recorded: Recorded) -> Iterator[Publish]:
    """The contract events of a domain event."""
    event = recorded.event
    aggregate_id = str(event.originator_id)
    if isinstance(event, User.Created):
        yield Publish(UserRegistered(user_id=aggregate_id), "user", aggregate_id)
    elif isinstance(event, Organisation.Created):
        contract = OrganisationCreated(organisation_id=aggregate_id, owner_id=event.owner_id)
        yield Publish(contract, "organisation", aggregate_id)
    elif isinstance(event, ApiKey.Created):
        yield Publish(ApiKeyCreated(key_id=event.number, user_id=event.user_id), "api_key", str(event.number))
    elif isinstance(event, ApiKey.Revoked):
        yield Publish(ApiKeyRevoked(key_id=event.number, user_id=event.user_id), "api_key", str(event.number))
