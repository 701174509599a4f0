"""Books and their reviews."""

from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Path, Query, status

from library_api.schemas import Book, BookChanges, BookInput, BookPage, Genre, Problem, Review, ReviewInput
from library_api.security import CurrentUser, current_user
from library_api.store import LIBRARY, Conflict

router = APIRouter(prefix="/books", tags=["books"])

NOT_FOUND = {404: {"model": Problem, "description": "No such book"}}
UNAUTHORISED = {401: {"model": Problem, "description": "Not logged in"}}
BookId = Annotated[int, Path(ge=1, description="The book's id")]


def existing(book_id: int) -> Book:
    if book_id not in LIBRARY.books:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "No such book")
    return LIBRARY.books[book_id]


@router.get("", response_model=BookPage)
def list_books(
    genre: Genre | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
    offset: Annotated[int, Query(ge=0, le=100_000)] = 0,
):
    """A page of the catalogue, by ascending id."""
    found = [book for book in LIBRARY.books.values() if genre in (None, book.genre)]
    return BookPage(items=found[offset : offset + limit], total=len(found), limit=limit, offset=offset)


@router.post("", status_code=201, response_model=Book, responses=UNAUTHORISED, dependencies=[Depends(current_user)])
def add_book(given: BookInput):
    """Puts a book into the catalogue."""
    return LIBRARY.add_book(given)


@router.get("/{book_id}", response_model=Book, responses=NOT_FOUND)
def get_book(book_id: BookId):
    return existing(book_id)


@router.patch(
    "/{book_id}", response_model=Book, responses={**UNAUTHORISED, **NOT_FOUND}, dependencies=[Depends(current_user)]
)
def change_book(book_id: BookId, changes: BookChanges):
    """Changes the given fields and leaves the others."""
    existing(book_id)
    return LIBRARY.change_book(book_id, changes)


@router.delete(
    "/{book_id}",
    status_code=status.HTTP_204_NO_CONTENT,
    responses={**UNAUTHORISED, **NOT_FOUND, 409: {"model": Problem, "description": "The book is lent out"}},
    dependencies=[Depends(current_user)],
)
def remove_book(book_id: BookId) -> None:
    existing(book_id)
    try:
        LIBRARY.remove_book(book_id)
    except Conflict as conflict:
        raise HTTPException(status.HTTP_409_CONFLICT, str(conflict)) from None


@router.get("/{book_id}/reviews", response_model=list[Review], responses=NOT_FOUND)
def list_reviews(book_id: BookId, min_rating: Annotated[int, Query(ge=1, le=5)] = 1):
    existing(book_id)
    return [review for review in LIBRARY.reviews.get(book_id, []) if review.rating >= min_rating]


@router.post("/{book_id}/reviews", status_code=201, response_model=Review, responses={**UNAUTHORISED, **NOT_FOUND})
def add_review(book_id: BookId, given: ReviewInput, user: CurrentUser):
    existing(book_id)
    return LIBRARY.add_review(book_id, given, user.username)
