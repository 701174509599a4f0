"""Users, organisations, sessions and API keys: what may happen to them, and that it happened.

Times are ISO 8601 strings and ids are strings, so that stored state is plain JSON.
"""

from services.auth.domain.accounts import EmailClaim, Organisation, User, check_password
from services.auth.domain.keys import ApiKey
from services.auth.domain.sessions import Session

__all__ = ["ApiKey", "EmailClaim", "Organisation", "Session", "User", "check_password"]
