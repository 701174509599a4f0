"""What the auth service tells the others. No personal data: people are ids here."""

from typing import ClassVar

from shared.contracts.base import Contract, ContractEvent, Query


class UserRegistered(ContractEvent):
    name: ClassVar[str] = "auth.user_registered.v1"
    user_id: str


class OrganisationCreated(ContractEvent):
    name: ClassVar[str] = "auth.organisation_created.v1"
    organisation_id: str
    owner_id: str


class ApiKeyCreated(ContractEvent):
    name: ClassVar[str] = "auth.api_key_created.v1"
    key_id: int
    user_id: str


class ApiKeyRevoked(ContractEvent):
    name: ClassVar[str] = "auth.api_key_revoked.v1"
    key_id: int
    user_id: str


class AccessToken(Contract):
    """The answer to `ExchangeApiKey`: a short-lived access token, or the reason why there is none."""

    token: str | None = None
    key_id: int | None = None
    expires_in: int = 0
    error: str | None = None


class ExchangeApiKey(Query):
    """The gateway's question: which access token does this API key stand for? `org_id` is empty: the key tells it."""

    subject: ClassVar[str] = "auth.exchange_api_key"
    reply: ClassVar[type[Contract]] = AccessToken
    org_id: str = ""
    api_key: str
