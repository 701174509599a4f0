"""Bodies of auth's requests and answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from email_validator import EmailNotValidError, validate_email
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from services.auth.application import SignedIn
from services.auth.domain import User

MAX_SECRET = 512


def _check_email(value: str) -> str:
    try:
        return validate_email(value, check_deliverability=False, test_environment=True).normalized
    except EmailNotValidError as error:
        raise ValueError(str(error)) from error


Email = Annotated[
    str,
    Field(max_length=254, examples=["ada@example.com"], json_schema_extra={"format": "email"}),
    AfterValidator(_check_email),
]
Secret = Annotated[SecretStr, Field(max_length=MAX_SECRET)]
Name = Annotated[str, Field(max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$")]


class Registration(BaseModel):
    model_config = ConfigDict(extra="forbid")
    email: Email
    password: Secret
    first_name: Name = ""
    last_name: Name = ""


class Credentials(BaseModel):
    model_config = ConfigDict(extra="forbid")
    email: Annotated[str, Field(max_length=254)]
    password: Secret


class Refresh(BaseModel):
    model_config = ConfigDict(extra="forbid")
    refresh_token: Secret


class UserOut(BaseModel):
    id: str
    email: str
    first_name: str
    last_name: str
    organisation_id: str
    role: str
    created_at: datetime

    @classmethod
    def of(cls, user: User, organisation_id: str, role: str) -> UserOut:
        return cls(
            id=str(user.id),
            email=user.email,
            first_name=user.first_name,
            last_name=user.last_name,
            organisation_id=organisation_id,
            role=role,
            created_at=datetime.fromisoformat(user.created_at),
        )


class Tokens(BaseModel):
    """`expires_in` is the access token's lifetime in seconds."""

    access_token: str
    refresh_token: str
    token_type: Literal["bearer"] = "bearer"  # noqa: S105 - the scheme, no password
    expires_in: int
    user: UserOut

    @classmethod
    def of(cls, signed_in: SignedIn) -> Tokens:
        return cls(
            access_token=signed_in.access_token,
            refresh_token=signed_in.refresh_token,
            expires_in=signed_in.expires_in,
            user=UserOut.of(signed_in.user, signed_in.user.organisation_id, signed_in.role),
        )


class Verified(BaseModel):
    valid: Literal[True] = True
    expires_at: datetime
    user: UserOut


class NewApiKey(BaseModel):
    model_config = ConfigDict(extra="forbid")
    name: Annotated[str, Field(min_length=1, max_length=100, pattern=r"^[^\x00-\x1f\x7f]*$", examples=["ci"])]


class ApiKeyOut(BaseModel):
    model_config = ConfigDict(from_attributes=True)
    id: int
    name: str
    prefix: str
    created_at: datetime
    last_used: datetime | None = None
    revoked_at: datetime | None = None


class CreatedApiKey(ApiKeyOut):
    """`key` is shown this once and kept nowhere."""

    key: str
