"""Constructs of real programs, one by one, with the endpoints that they make; and what can't be told is said."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from services.scanner.adapters.python.reader import read_python
from services.scanner.adapters.tree import read_tree
from shared.contracts.scanner import ApiDescription

Files = dict[str, str]


def scan(folder: Path, files: Files) -> ApiDescription:
    for name, source in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(textwrap.dedent(source))
    return read_python(read_tree(folder, frozenset({".py"})))


def routes(found: ApiDescription) -> set[str]:
    return {f"{item.method} {item.path}" for item in found.operations}


FASTAPI: dict[str, tuple[Files, set[str]]] = {
    "a mounted sub-application": (
        {
            "m.py": """
            from fastapi import FastAPI
            sub = FastAPI()
            @sub.get("/x")
            def x(): ...
            app = FastAPI()
            app.mount("/sub", sub)
        """
        },
        {"GET /sub/x"},
    ),
    "a server class that sets its routes up": (
        {
            "m.py": """
            from fastapi import FastAPI
            class Server:
                def __init__(self, prefix="/v1"):
                    self.app = FastAPI()
                    self.prefix = prefix
                    self._routes()
                def _routes(self):
                    self.app.add_api_route(f"{self.prefix}/status", self.status, methods=["GET", "POST"])
                    @self.app.get(self.prefix + "/inner")
                    def inner(): ...
                def status(self): ...
        """
        },
        {"GET /v1/status", "POST /v1/status", "GET /v1/inner"},
    ),
    "routes registered by functions of other modules": (
        {
            "main.py": """
                from fastapi import FastAPI
                from setup import register
                def create_app(settings=None):
                    app = FastAPI()
                    register(app, "/api")
                    return app
            """,
            "setup/__init__.py": "from .routes import register",
            "setup/routes.py": """
                def register(app, prefix):
                    from . import users
                    for module in (users,):
                        app.include_router(module.router, prefix=prefix + module.PREFIX)
            """,
            "setup/users.py": """
                from fastapi import APIRouter
                PREFIX = "/users"
                router = APIRouter()
                @router.get("/{user_id}")
                def get(user_id: int): ...
            """,
        },
        {"GET /api/users/{user_id}"},
    ),
    "modules imported by name": (
        {
            "app/main.py": """
                import importlib
                from fastapi import FastAPI
                app = FastAPI()
                for name in ["a", "b"]:
                    app.include_router(importlib.import_module(f"app.routes.{name}").router, prefix="/" + name)
            """,
            "app/__init__.py": "",
            "app/routes/__init__.py": "",
            "app/routes/a.py": "from fastapi import APIRouter\nrouter = APIRouter()\n@router.get('/x')\ndef x(): ...\n",
            "app/routes/b.py": "from fastapi import APIRouter\nrouter = APIRouter()\n@router.get('/x')\ndef x(): ...\n",
        },
        {"GET /a/x", "GET /b/x"},
    ),
    "a decorator of the program's own": (
        {
            "m.py": """
            import functools
            from fastapi import FastAPI
            app = FastAPI()
            def logged(f):
                @functools.wraps(f)
                def wrapper(*args, **kwargs):
                    return f(*args, **kwargs)
                return wrapper
            def endpoint(path, **kw):
                def decorate(f):
                    app.get("/own" + path, **kw)(f)
                    return f
                return decorate
            @endpoint("/{key}")
            @logged
            def one(key: int, flag: bool = False): ...
        """
        },
        {"GET /own/{key}"},
    ),
    "syntax that is newer than the interpreter": (
        {
            "m.py": """
            from fastapi import FastAPI
            app = FastAPI()
            type Alias = int | str
            def generic[T](x: T) -> T: return x
            class Box[T]: ...
            names = {"a": "b"}
            text = f"{names["a"]} and {"x" + "y"}"
            try:
                pass
            except ValueError, TypeError:
                pass
            @app.get(f"/{names["a"]}")
            def b(): ...
        """
        },
        {"GET /b"},
    ),
    "conditions that are not known take both branches": (
        {
            "m.py": """
            import sys
            from fastapi import FastAPI
            app = FastAPI()
            if sys.platform == "win32":
                @app.get("/windows")
                def w(): ...
            else:
                @app.get("/others")
                def o(): ...
        """
        },
        {"GET /windows", "GET /others"},
    ),
    "path convertors and empty paths": (
        {
            "m.py": """
            from fastapi import APIRouter, FastAPI
            router = APIRouter(prefix="/{tenant}")
            @router.get("")
            def root(tenant: str): ...
            @router.get("/f/{name:path}")
            def file(tenant: str, name: str): ...
            app = FastAPI()
            app.include_router(router)
        """
        },
        {"GET /{tenant}", "GET /{tenant}/f/{name}"},
    ),
}
FLASK: dict[str, tuple[Files, set[str]]] = {
    "resources": (
        {
            "m.py": """
            from flask import Flask, Blueprint
            from flask_restful import Api, Resource
            class Todo(Resource):
                def get(self, todo_id): ...
                def put(self, todo_id): ...
            bp = Blueprint("b", __name__, url_prefix="/b")
            api = Api(bp, prefix="/api")
            api.add_resource(Todo, "/todos/<int:todo_id>", "/t/<todo_id>")
            app = Flask(__name__)
            app.register_blueprint(bp)
        """
        },
        {f"{m} /b/api/{p}/{{todo_id}}" for m in ("GET", "PUT") for p in ("todos", "t")},
    ),
    "an extension that is bound late": (
        {
            "m.py": """
            from flask import Flask
            from flask_restful import Api, Resource
            api = Api()
            class Ping(Resource):
                def get(self): ...
            api.add_resource(Ping, "/ping")
            def create_app():
                app = Flask(__name__)
                api.init_app(app)
                return app
        """
        },
        {"GET /ping"},
    ),
    "inherited views": (
        {
            "m.py": """
            from flask import Flask
            from flask.views import MethodView
            class Base(MethodView):
                def get(self): ...
            class Items(Base):
                def post(self): ...
            app = Flask(__name__)
            app.add_url_rule("/items", view_func=Items.as_view("items"))
        """
        },
        {"GET /items", "POST /items"},
    ),
    "nested blueprints with a prefix given at registration": (
        {
            "m.py": """
            from flask import Flask, Blueprint
            child = Blueprint("c", __name__, url_prefix="/ignored")
            @child.route("/x", methods=("GET", "POST"))
            def x(): ...
            parent = Blueprint("p", __name__, url_prefix="/p")
            parent.register_blueprint(child, url_prefix="/c")
            app = Flask(__name__)
            app.register_blueprint(parent)
        """
        },
        {"GET /p/c/x", "POST /p/c/x"},
    ),
}


@pytest.mark.req("TG-6")
@pytest.mark.parametrize("name", FASTAPI)
def test_fastapi_constructs(tmp_path: Path, name: str) -> None:
    files, expected = FASTAPI[name]
    found = scan(tmp_path, files)
    assert routes(found) == expected, found.warnings
    assert found.failed_files == ()


@pytest.mark.req("TG-6")
@pytest.mark.parametrize("name", FLASK)
def test_flask_constructs(tmp_path: Path, name: str) -> None:
    files, expected = FLASK[name]
    found = scan(tmp_path, files)
    assert routes(found) == expected, found.warnings


UNKNOWN: dict[str, tuple[str, int, str]] = {
    "a path from a database": (
        """
        from fastapi import FastAPI
        app = FastAPI()
        def load(): return open("x").read()
        @app.get(load())
        def x(): ...
        """,
        5,
        "path is not known",
    ),
    "a router of another distribution": (
        """
        from fastapi import FastAPI
        from somewhere_else import router
        app = FastAPI()
        app.include_router(router)
        """,
        5,
        "somewhere_else.router",
    ),
    "a prefix that only the environment has": (
        """
        import os
        from fastapi import APIRouter, FastAPI
        router = APIRouter()
        @router.get("/x")
        def x(): ...
        app = FastAPI()
        app.include_router(router, prefix=os.environ["PREFIX"])
        """,
        8,
        "prefix is not known",
    ),
    "an object that is not known": (
        """
        from fastapi import FastAPI
        from somewhere_else import make
        app = make()
        @app.route_like.get("/x")
        def x(): ...
        """,
        5,
        "'/x'",
    ),
}


@pytest.mark.req("TG-6")
@pytest.mark.parametrize("name", UNKNOWN)
def test_what_cannot_be_told_is_a_warning_with_its_line(tmp_path: Path, name: str) -> None:
    source, line, text = UNKNOWN[name]
    found = scan(tmp_path, {"m.py": source})
    assert routes(found) == set()
    assert [w for w in found.warnings if w.startswith(f"m.py:{line}:") and text in w], found.warnings


def test_flask_requests_are_read(tmp_path: Path) -> None:
    source = """
        from flask import Flask, abort, jsonify, redirect, request
        app = Flask(__name__)
        @app.post("/items/<uuid:item_id>")
        def add(item_id):
            page = request.args.get("page", 1, type=int)
            data = request.get_json()
            name = data["name"]
            note = data.get("note")
            request.headers["X-Trace"]
            if not name:
                abort(409, "taken")
            if name == "old":
                return redirect("/new")
            if name == "none":
                return "", 204
            return jsonify(data), 201
    """
    operation = scan(tmp_path, {"m.py": source}).operations[0]
    assert {(item.location, item.name, item.required) for item in operation.parameters} == {
        ("path", "item_id", True),
        ("query", "page", False),
        ("header", "X-Trace", True),
    }
    assert operation.request_body is not None
    body = operation.request_body.content["application/json"]
    assert (set(body["properties"]), body["required"]) == ({"name", "note"}, ["name"])
    assert operation.responses["409"].description == "taken"
    assert set(operation.responses) == {"201", "204", "302", "409"}
    assert set(operation.responses["201"].content) == {"application/json"}


def test_tests_and_dependencies_are_not_read(tmp_path: Path) -> None:
    app = "from fastapi import FastAPI\napp = FastAPI()\n@app.get('/{}')\ndef x(): ...\n"
    names = ["app.py", "tests/a.py", "test_b.py", "node_modules/c.py", ".hidden/d.py", "env1/e.py"]
    (tmp_path / "env1").mkdir()
    (tmp_path / "env1" / "pyvenv.cfg").write_text("")
    found = scan(tmp_path, {name: app.replace("{}", str(index)) for index, name in enumerate(names)})
    assert routes(found) == {"GET /0"}
