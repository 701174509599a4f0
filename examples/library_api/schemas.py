"""What the API takes and answers."""

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, Field

Genre = Literal["fiction", "history", "science", "children"]
Year = Annotated[int, Field(ge=1450, le=2100, description="Year of publication", examples=[1969])]


class Problem(BaseModel):
    """Why a request was refused."""

    detail: str


class Credentials(BaseModel):
    username: str = Field(min_length=1, max_length=64, examples=["librarian"])
    password: str = Field(min_length=1, max_length=128, examples=["quiet-please"])


class Token(BaseModel):
    access_token: str
    token_type: Literal["bearer"] = "bearer"
    expires_in: int = Field(description="Seconds", gt=0)


class User(BaseModel):
    username: str
    role: Literal["librarian", "assistant"]


class BookInput(BaseModel):
    title: str = Field(min_length=1, max_length=200, examples=["The Left Hand of Darkness"])
    author: str = Field(min_length=1, max_length=120, examples=["Ursula K. Le Guin"])
    genre: Genre
    year: Year
    copies: int = Field(default=1, ge=0, le=500, description="Copies that the library owns")


class BookChanges(BaseModel):
    title: str | None = Field(default=None, min_length=1, max_length=200)
    author: str | None = Field(default=None, min_length=1, max_length=120)
    genre: Genre | None = None
    copies: int | None = Field(default=None, ge=0, le=500)


class Book(BookInput):
    id: int


class BookPage(BaseModel):
    items: list[Book]
    total: int = Field(ge=0)
    limit: int
    offset: int


class ReviewInput(BaseModel):
    rating: int = Field(ge=1, le=5)
    text: str = Field(default="", max_length=2000)


class Review(ReviewInput):
    id: int
    book_id: int
    written_by: str


class MemberInput(BaseModel):
    name: str = Field(min_length=1, max_length=120, examples=["Ada Lovelace"])
    email: str = Field(
        pattern=r"^[A-Za-z0-9._+-]+@[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+$", max_length=254, examples=["ada@example.org"]
    )
    level: Literal["standard", "student", "patron"] = "standard"


class Member(MemberInput):
    id: int
    joined_on: date


class LoanInput(BaseModel):
    member_id: int = Field(ge=1)
    book_id: int = Field(ge=1)
    days: int = Field(default=21, ge=1, le=60)


class Loan(LoanInput):
    id: int
    due_on: date
    returned: bool
