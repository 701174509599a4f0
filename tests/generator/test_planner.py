"""Set-up chains for the usual shapes of APIs."""

from typing import Any

from services.generator.adapters.rules.chains import Arranged, Chain
from services.generator.adapters.rules.model import Api
from services.generator.adapters.rules.planner import Planner
from shared.contracts.scanner import Endpoint, Operation, Parameter, RequestBody, Response

JSON = "application/json"


def operation(
    method: str, path: str, body: dict[str, Any] | None = None, answer: dict[str, Any] | None = None, **more: Any
) -> Operation:
    names = [part[1:-1] for part in path.split("/") if part.startswith("{")]
    number = {"type": "integer"}
    parameters = [Parameter(name=name, location="path", required=True, json_schema=number) for name in names]
    status = {"POST": "201", "DELETE": "204"}.get(method, "200")
    return Operation(
        method=method,
        path=path,
        parameters=(*parameters, *more.pop("parameters", ())),
        request_body=RequestBody(required=True, content={JSON: body}) if body else None,
        responses={status: Response(content={JSON: answer} if answer else {})},
        **more,
    )


def thing(*required: str, **properties: str) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in properties.items()},
        "required": list(required),
    }


def arranged(operations: list[Operation], index: int = -1, mode: Any = "minimal") -> Arranged:
    api = Api(tuple(Endpoint(id=n, project_id=1, operation=one) for n, one in enumerate(operations, start=1)))
    return Planner(api, 0).arrange(api.targets[index], mode)


def calls(found: Arranged) -> list[str]:
    return [f"{step.request.method} {step.request.path}" for step in found.chain.setup]


USER = operation("POST", "/users", thing("name", name="string"), thing("id", id="integer", name="string"))


def test_nested_resources_are_made_from_the_outside_in_and_deleted_from_the_inside_out() -> None:
    found = arranged(
        [
            USER,
            operation("DELETE", "/users/{id}"),
            operation("POST", "/users/{user_id}/orders", thing("note", note="string"), thing("id", id="integer")),
            operation("DELETE", "/users/{user_id}/orders/{order_id}"),
            operation("GET", "/users/{user_id}/orders/{order_id}", answer=thing("id", id="integer")),
        ]
    )

    assert calls(found) == ["POST /users", "POST /users/{user_id}/orders"]
    assert found.chain.setup[1].request.path_params == {"user_id": "{{user_id}}"}
    assert found.request.path_params == {"user_id": "{{user_id}}", "order_id": "{{order_id}}"}
    undone = [(step.request.path, step.request.path_params) for step in found.cleanup]
    assert undone == [
        ("/users/{user_id}/orders/{order_id}", {"user_id": "{{user_id}}", "order_id": "{{order_id}}"}),
        ("/users/{id}", {"id": "{{user_id}}"}),
    ]
    assert found.certain


def test_bodies_refer_to_what_was_made_at_any_depth() -> None:
    line = thing("productId", productId="integer", quantity="integer")
    order = {"type": "object", "required": ["userId", "lines"], "properties": {
        "userId": {"type": "integer"}, "lines": {"type": "array", "minItems": 1, "items": line}}}  # fmt: skip
    product = operation("POST", "/products", thing("name", name="string"), thing("productId", productId="integer"))

    found = arranged([USER, product, operation("POST", "/orders", order, thing("id", id="integer"))])

    assert sorted(calls(found)) == ["POST /products", "POST /users"]
    assert found.request.body == {"userId": "{{user_id}}", "lines": [{"productId": "{{product_id}}"}]}
    assert found.certain


def test_an_id_in_an_envelope_or_of_another_name_is_found() -> None:
    wrapped = {"type": "object", "properties": {"data": thing("uid", uid="string", name="string")}}
    found = arranged(
        [operation("POST", "/teams", thing("name", name="string"), wrapped), operation("GET", "/teams/{uid}")]
    )

    assert [extract.path for step in found.chain.setup for extract in step.extract] == ["$.data.uid"]


def test_a_name_that_was_sent_serves_as_the_id() -> None:
    create = operation("POST", "/repos", thing("slug", slug="string"), thing("ok", ok="boolean"))

    found = arranged([create, operation("GET", "/repos/{slug}")])

    assert found.request.path_params == {"slug": "slug-{{$unique}}"}


def test_a_list_serves_readers_but_never_what_changes_or_deletes() -> None:
    listed = operation("GET", "/books", answer={"type": "array", "items": thing("id", id="integer")})

    reader = arranged([listed, operation("GET", "/books/{book_id}")])
    deleter = arranged([listed, operation("DELETE", "/books/{book_id}")])

    assert [extract.path for step in reader.chain.setup for extract in step.extract] == ["$[0].id"]
    assert (calls(deleter), deleter.certain) == ([], False)


def test_the_caller_is_who_owns_what_belongs_to_people() -> None:
    secured: dict[str, Any] = {"security": ({"bearer": ()},)}
    me = operation("GET", "/users/me", answer=thing("id", id="integer"), **secured)

    found = arranged([USER, me, operation("GET", "/users/{user_id}/orders", **secured)])

    assert calls(found) == ["GET /users/me"]


def test_an_update_by_body_changes_what_was_made() -> None:
    pet = thing("name", id="integer", name="string")

    found = arranged([operation("POST", "/pets", pet, pet), operation("PUT", "/pets", pet, pet)])

    assert calls(found) == ["POST /pets"]
    assert found.request.body["id"] == "{{pet_id}}"


def test_two_of_a_kind_in_one_test_have_different_names() -> None:
    api = Api((Endpoint(id=1, project_id=1, operation=USER),))
    chain = Chain()

    for _ in range(3):
        Planner(api, 0).create(api.targets[0], chain, "id")

    names = [step.request.body["name"] for step in chain.setup]
    assert names == ["name-{{$unique}}", "name-{{$unique}}2", "name-{{$unique}}3"]
    assert [extract.name for step in chain.setup for extract in step.extract] == ["user_id", "user_id_2", "user_id_3"]


def test_circles_end() -> None:
    a = operation("POST", "/as", thing("b_id", b_id="integer"), thing("id", id="integer"))
    b = operation("POST", "/bs", thing("a_id", a_id="integer"), thing("id", id="integer"))

    found = arranged([a, b])

    assert len(found.chain.setup) <= 8


def test_a_login_uses_what_was_registered() -> None:
    register = operation("POST", "/register", thing("email", "password", email="string", password="string"))
    login = operation("POST", "/login", thing("username", "password", username="string", password="string"))

    found = arranged([register, login])

    assert calls(found) == ["POST /register"]
    sent = found.chain.setup[0].request.body
    assert found.request.body == {"username": sent["email"], "password": sent["password"]}
    assert found.certain
