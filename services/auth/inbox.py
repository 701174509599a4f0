"""Questions of other services to auth."""

from __future__ import annotations

from collections.abc import Callable

from services.auth.application import AuthApplication
from services.auth.errors import ApiKeyInvalid, WrongCredentials
from shared.contracts.auth import AccessToken, ExchangeApiKey


def exchange_api_key(application: AuthApplication) -> Callable[[ExchangeApiKey], AccessToken]:
    """Answers the gateway's question; an unknown key is an answer, not a failure."""

    def answer(query: ExchangeApiKey) -> AccessToken:
        try:
            exchanged = application.exchange_api_key(query.api_key)
        except (ApiKeyInvalid, WrongCredentials) as error:
            return AccessToken(error=error.message)
        return AccessToken(token=exchanged.token, key_id=exchanged.key_id, expires_in=exchanged.expires_in)

    return answer
