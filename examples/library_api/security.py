"""Who calls: a signed bearer token, got by logging in."""

import os
import secrets
import time
from typing import Annotated

from fastapi import Depends, HTTPException, status
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

from library_api.schemas import User

LIFETIME_S = 3600
USERS = {"librarian": ("quiet-please", User(username="librarian", role="librarian"))}
_KEY = OctKey.import_key(os.environ.get("LIBRARY_SECRET") or secrets.token_hex())
"""Set LIBRARY_SECRET (16 characters or more) and tokens outlive a restart."""
_REFUSED = HTTPException(status.HTTP_401_UNAUTHORIZED, "Log in first", headers={"WWW-Authenticate": "Bearer"})

bearer = HTTPBearer(auto_error=False, description="The access_token of POST /auth/login")


def log_in(username: str, password: str) -> str:
    """A token for the user; 401 for a wrong name or password alike."""
    expected, _ = USERS.get(username, ("", None))
    if not expected or not secrets.compare_digest(expected.encode(), password.encode()):
        raise HTTPException(status.HTTP_401_UNAUTHORIZED, "Wrong user name or password")
    return jwt.encode({"alg": "HS256"}, {"sub": username, "exp": int(time.time()) + LIFETIME_S}, _KEY)


def current_user(credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]) -> User:
    """The user that the token stands for; 401 without a valid one."""
    if credentials is None:
        raise _REFUSED
    try:
        claims = jwt.decode(credentials.credentials, _KEY, algorithms=["HS256"]).claims
        jwt.JWTClaimsRegistry(exp={"essential": True}).validate(claims)
        return USERS[claims["sub"]][1]
    except (JoseError, KeyError, ValueError):
        raise _REFUSED from None


CurrentUser = Annotated[User, Depends(current_user)]
