"""The library's state: in memory, one process, gone at the end."""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import count

from library_api.schemas import Book, BookChanges, BookInput, Loan, LoanInput, Member, MemberInput, Review, ReviewInput

FAULTS = frozenset(filter(None, os.environ.get("LIBRARY_FAULTS", "").split(",")))
"""Bugs to live with, for demonstrations: `lost_member_update`."""


class Conflict(Exception):
    """The request is well formed and can't be carried out in the present state."""


@dataclass
class Library:
    books: dict[int, Book] = field(default_factory=dict)
    reviews: dict[int, list[Review]] = field(default_factory=dict)
    members: dict[int, Member] = field(default_factory=dict)
    loans: dict[int, Loan] = field(default_factory=dict)
    ids: Iterator[int] = field(default_factory=lambda: count(1))

    def add_book(self, given: BookInput) -> Book:
        book = Book(id=next(self.ids), **given.model_dump())
        self.books[book.id] = book
        return book

    def change_book(self, book_id: int, changes: BookChanges) -> Book:
        book = self.books[book_id].model_copy(update=changes.model_dump(exclude_none=True))
        self.books[book_id] = book
        return book

    def remove_book(self, book_id: int) -> None:
        if self.lent(book_id):
            raise Conflict("The book is lent out")
        del self.books[book_id]
        self.reviews.pop(book_id, None)

    def add_review(self, book_id: int, given: ReviewInput, written_by: str) -> Review:
        review = Review(id=next(self.ids), book_id=book_id, written_by=written_by, **given.model_dump())
        self.reviews.setdefault(book_id, []).append(review)
        return review

    def add_member(self, given: MemberInput) -> Member:
        self._check_email(given.email, None)
        member = Member(id=next(self.ids), joined_on=_today(), **given.model_dump())
        self.members[member.id] = member
        return member

    def replace_member(self, member_id: int, given: MemberInput) -> Member:
        self._check_email(given.email, member_id)
        member = self.members[member_id].model_copy(update=given.model_dump())
        if "lost_member_update" not in FAULTS:
            self.members[member_id] = member
        return member

    def lend(self, given: LoanInput) -> Loan:
        if self.lent(given.book_id) >= self.books[given.book_id].copies:
            raise Conflict("No copy of the book is left")
        due_on = _today() + timedelta(days=given.days)
        loan = Loan(id=next(self.ids), due_on=due_on, returned=False, **given.model_dump())
        self.loans[loan.id] = loan
        return loan

    def take_back(self, loan_id: int) -> Loan:
        if self.loans[loan_id].returned:
            raise Conflict("The loan is already returned")
        self.loans[loan_id] = self.loans[loan_id].model_copy(update={"returned": True})
        return self.loans[loan_id]

    def lent(self, book_id: int) -> int:
        return sum(loan.book_id == book_id and not loan.returned for loan in self.loans.values())

    def _check_email(self, email: str, own_id: int | None) -> None:
        if any(member.email == email and member.id != own_id for member in self.members.values()):
            raise Conflict("A member with this e-mail address exists")


def _today() -> date:
    return datetime.now(UTC).date()


def with_some_books() -> Library:
    library = Library()
    library.add_book(BookInput(title="Kindred", author="Octavia E. Butler", genre="fiction", year=1979, copies=2))
    library.add_book(BookInput(title="Cosmos", author="Carl Sagan", genre="science", year=1980, copies=1))
    library.add_book(BookInput(title="SPQR", author="Mary Beard", genre="history", year=2015, copies=3))
    return library


LIBRARY = with_some_books()
