"""The people who borrow."""

from fastapi import APIRouter, HTTPException, status

from library_api.schemas import Member, MemberInput, Problem
from library_api.store import LIBRARY, Conflict

router = APIRouter(prefix="/members", tags=["members"])

NOT_FOUND = {404: {"model": Problem, "description": "No such member"}}
TAKEN = {409: {"model": Problem, "description": "The e-mail address belongs to another member"}}


def existing(member_id: int) -> Member:
    if member_id not in LIBRARY.members:
        raise HTTPException(status.HTTP_404_NOT_FOUND, "No such member")
    return LIBRARY.members[member_id]


@router.post("", status_code=201, response_model=Member, responses=TAKEN)
def add_member(given: MemberInput):
    try:
        return LIBRARY.add_member(given)
    except Conflict as conflict:
        raise HTTPException(status.HTTP_409_CONFLICT, str(conflict)) from None


@router.get("/{member_id}", response_model=Member, responses=NOT_FOUND)
def get_member(member_id: int):
    return existing(member_id)


@router.put("/{member_id}", response_model=Member, responses={**NOT_FOUND, **TAKEN})
def replace_member(member_id: int, given: MemberInput):
    """Stores the given values in place of the former ones."""
    existing(member_id)
    try:
        return LIBRARY.replace_member(member_id, given)
    except Conflict as conflict:
        raise HTTPException(status.HTTP_409_CONFLICT, str(conflict)) from None
