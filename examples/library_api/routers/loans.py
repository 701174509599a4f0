"""Borrowing and returning."""

from fastapi import APIRouter, HTTPException, status

from library_api.routers import books, members
from library_api.schemas import Loan, LoanInput, Problem
from library_api.store import LIBRARY, Conflict

router = APIRouter(tags=["loans"])


@router.post(
    "/loans",
    status_code=201,
    response_model=Loan,
    responses={
        404: {"model": Problem, "description": "No such member or book"},
        409: {"model": Problem, "description": "No copy is left"},
    },
)
def lend(given: LoanInput):
    members.existing(given.member_id)
    books.existing(given.book_id)
    try:
        return LIBRARY.lend(given)
    except Conflict as conflict:
        raise HTTPException(status.HTTP_409_CONFLICT, str(conflict)) from None


@router.get("/loans/{loan_id}", response_model=Loan, responses={404: {"model": Problem, "description": "No such loan"}})
def get_loan(loan_id: int):
    if loan_id not in LIBRARY.loans:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "No such loan")
    return LIBRARY.loans[loan_id]


@router.post(
    "/loans/{loan_id}/return",
    response_model=Loan,
    responses={
        404: {"model": Problem, "description": "No such loan"},
        409: {"model": Problem, "description": "Already returned"},
    },
)
def take_back(loan_id: int):
    get_loan(loan_id)
    try:
        return LIBRARY.take_back(loan_id)
    except Conflict as conflict:
        raise HTTPException(status.HTTP_409_CONFLICT, str(conflict)) from None
