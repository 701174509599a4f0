"""Logging in."""

from fastapi import APIRouter

from library_api import security
from library_api.schemas import Credentials, Problem, Token, User

router = APIRouter(prefix="/auth", tags=["auth"])


@router.post("/login", responses={401: {"model": Problem, "description": "Wrong user name or password"}})
def login(credentials: Credentials) -> Token:
    """A bearer token for the other operations."""
    token = security.log_in(credentials.username, credentials.password)
    return Token(access_token=token, expires_in=security.LIFETIME_S)


@router.get("/me", response_model=User, responses={401: {"model": Problem}})
def me(user: security.CurrentUser):
    """Who the token stands for."""
    return user
