"""A small shop with owners, nested resources and references, and bugs that a name switches on."""

import itertools
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI, Header, HTTPException, Query
from pydantic import BaseModel, Field

TOKENS = {"token-ann": "ann", "token-bob": "bob"}


class ProductIn(BaseModel):
    name: str = Field(min_length=2, max_length=40)
    price: float = Field(gt=0, le=10_000)
    kind: str = Field(pattern="^(book|toy)$", default="book")
    note: str | None = None


class Product(ProductIn):
    id: int


class LineIn(BaseModel):
    product_id: int
    quantity: int = Field(ge=1, le=99)


class OrderIn(BaseModel):
    lines: list[LineIn] = Field(min_length=1, max_length=5)
    comment: str = Field(default="", max_length=200)


class Order(OrderIn):
    id: int
    owner_id: str


def build(bug: str = "") -> FastAPI:  # noqa: C901, PLR0915 - one application, read as one
    """The shop's application; without a bug it is correct."""
    app = FastAPI()
    products: dict[int, dict[str, Any]] = {}
    orders: dict[int, dict[str, Any]] = {}
    numbers = itertools.count(1)

    def user(authorization: Annotated[str, Header(include_in_schema=False)] = "") -> str:
        name = TOKENS.get(authorization.removeprefix("Bearer "))
        if name is None and bug != "open door":
            raise HTTPException(401)
        return name or "ann"

    known = Depends(user)

    @app.post("/products", status_code=201, responses={401: {}, 409: {}}, response_model=Product)
    def create_product(body: ProductIn, who: str = known) -> Any:
        if "'" in body.name and bug == "sql error":
            raise HTTPException(400, 'near "OR": syntax error')
        if "🚀" in body.name and bug == "unicode crash":
            raise HTTPException(500)
        if any(one["name"] == body.name for one in products.values()):
            raise HTTPException(409)
        number = next(numbers)
        products[number] = {"id": number, **body.model_dump()}
        if bug == "price lost":
            products[number]["price"] = 1.0
        return products[number] if bug != "renamed field" else {**products[number], "name": "?"}

    @app.get("/products", responses={401: {}}, response_model=list[Product])
    def list_products(limit: Annotated[int, Query(ge=1, le=1000)] = 1000, who: str = known) -> Any:
        found = list(products.values())
        return found if bug == "limit ignored" else found[:limit] if bug != "newest hidden" else found[:-1]

    @app.get("/products/{product_id}", responses={401: {}, 404: {}}, response_model=Product)
    def get_product(product_id: int, who: str = known) -> Any:
        if product_id not in products:
            raise HTTPException(500 if bug == "missing crashes" else 404)
        return products[product_id]

    @app.put("/products/{product_id}", responses={401: {}, 404: {}}, response_model=Product)
    def put_product(product_id: int, body: ProductIn, who: str = known) -> Any:
        if product_id not in products:
            raise HTTPException(404)
        new = {"id": product_id, **body.model_dump()}
        if bug != "update forgotten":
            products[product_id] = new
        return new

    @app.delete("/products/{product_id}", status_code=204, responses={401: {}, 404: {}})
    def delete_product(product_id: int, who: str = known) -> None:
        if product_id not in products:
            raise HTTPException(404)
        if bug != "delete forgotten":
            del products[product_id]

    @app.post("/orders", status_code=200 if bug == "wrong status" else 201, responses={401: {}, 404: {}})
    def create_order(body: OrderIn, who: str = known) -> Order:
        if any(line.product_id not in products for line in body.lines):
            raise HTTPException(404)
        number = next(numbers)
        orders[number] = {"id": number, "owner_id": who, **body.model_dump()}
        return Order(**orders[number])

    @app.get("/orders/{order_id}", responses={401: {}, 403: {}, 404: {}})
    def get_order(order_id: int, who: str = known) -> Order:
        order = orders.get(order_id)
        if order is None:
            raise HTTPException(404)
        if order["owner_id"] != who and bug != "anybody reads":
            raise HTTPException(403)
        return Order(**order)

    @app.delete("/orders/{order_id}", status_code=204, responses={401: {}, 403: {}, 404: {}})
    def delete_order(order_id: int, who: str = known) -> None:
        if orders.get(order_id, {}).get("owner_id") != who:
            raise HTTPException(404)
        del orders[order_id]

    return app


BUGS = (
    *("open door", "sql error", "unicode crash", "price lost", "renamed field", "limit ignored", "newest hidden"),
    *("missing crashes", "update forgotten", "delete forgotten", "wrong status", "anybody reads"),
)


def document() -> dict[str, Any]:
    """The correct shop's contract: every operation needs the bearer token."""
    found = build().openapi()
    for item in found["paths"].values():
        for operation in item.values():
            operation["security"] = [{"bearer": []}]
    return found


@contextmanager
def served(app: FastAPI) -> Iterator[str]:
    """The application on a free loopback port; gives its base URL."""
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=0, log_level="error"))
    started = threading.Event()
    startup = server.startup

    async def announced(*arguments: Any, **options: Any) -> None:
        await startup(*arguments, **options)
        started.set()

    server.startup = announced  # type: ignore[method-assign]
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        assert started.wait(20)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(20)
