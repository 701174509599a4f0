"""The application: `uvicorn library_api.main:app`."""

from fastapi import Depends, FastAPI

from library_api.routers import auth, books, loans, members
from library_api.schemas import Problem
from library_api.security import current_user

NOT_LOGGED_IN = {401: {"model": Problem, "description": "Not logged in"}}

app = FastAPI(title="Lending library", version="1.0.0", description="Books, their reviews, members and loans.")
app.include_router(auth.router)
app.include_router(books.router)
app.include_router(members.router, dependencies=[Depends(current_user)], responses=NOT_LOGGED_IN)
app.include_router(loans.router, dependencies=[Depends(current_user)], responses=NOT_LOGGED_IN)
