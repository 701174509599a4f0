"""Security tests: no way in without credentials, no way to other people's things, no injection."""

from collections.abc import Iterator

from services.generator.adapters.rules import names, schema
from services.generator.adapters.rules.chains import Arranged
from services.generator.adapters.rules.edge import replaced, text_inputs
from services.generator.adapters.rules.functional import created_for
from services.generator.adapters.rules.model import Target
from services.generator.adapters.rules.subject import Subject
from services.generator.domain.draft import Draft
from shared.contracts.testcase import Assertion, BodyAssertion, StatusAssertion

_SQL = "' OR '1'='1' --"
_SQL_TIMED = "1; SELECT 1/0; --"
_SQL_ERRORS = (
    r"(?i)(syntax error (at or near|in query)|unterminated quoted string|unclosed quotation mark"
    r"|near \\?\".{0,40}\": syntax error|you have an error in your sql|sqlite3?\.(operational|programming)error"
    r"|psycopg2?\.|ORA-[0-9]{5}|SQLSTATE\[|mysql_fetch)"
)
_SCRIPT = '"><script>alert(1)</script>'
_REFLECTED = r'(^|[^\\])"><script>alert\(1\)</script>'
_OWNERS = frozenset({"owner", "user", "customer", "account", "member"})
_MOST_INPUTS = 3


def authentication(subject: Subject) -> Iterator[Draft]:
    """Without and with wrong credentials the operation is refused."""
    target = subject.target
    if not target.operation.requires_auth:
        return
    arranged = subject.arrange("minimal")
    refused = ("401", "403")
    yield subject.simple(
        arranged,
        f"{target.name} without credentials",
        "Calls the operation without any credentials and expects that it is refused.",
        "auth_missing",
        [StatusAssertion(one_of=refused, description="Refused without credentials (401 or 403)")],
        changes={"auth": "none"},
        test_type="Security",
    )
    malformed = refused if {"401", "403"} & target.documented else (*refused, "400", "422")
    yield subject.simple(
        arranged,
        f"{target.name} with wrong credentials",
        "Calls the operation with malformed credentials and expects that it is refused.",
        "auth_invalid",
        [StatusAssertion(one_of=malformed, description="Refused with wrong credentials")],
        changes={"auth": "invalid"},
        test_type="Security",
    )


def authorization(subject: Subject) -> Iterator[Draft]:
    """Another identity can't reach what the first one made. Skipped by the executor without a second identity."""
    target = subject.target
    arranged = subject.arrange("minimal")
    made = created_for(target, arranged.chain.created)
    if (
        not target.operation.requires_auth
        or made is None
        or target.ends_session
        or not _is_private(target, made.target)
    ):
        return
    refused = StatusAssertion(one_of=("401", "403", "404"), description="Another identity is refused")
    yield subject.simple(
        arranged,
        f"{target.name} of another user",
        "Makes a resource with the first identity and reaches for it with the second one, which must be refused.",
        "authorization",
        [refused],
        changes={"auth": "other"},
        test_type="Security",
    )


def _is_private(target: Target, creator: Target) -> bool:
    """True where the contract hints that what is made belongs to its maker: a documented 403, or an owner's id that
    the API fills in itself."""
    if target.tail_parameter is None:
        return False
    if "403" in target.documented:
        return True
    answer, body = creator.answer, creator.body
    if answer is None or not creator.operation.requires_auth:
        return False
    told = schema.properties(schema.flatten(answer, answer))
    asked = schema.properties(schema.flatten(body.json_schema, body.json_schema)) if body else {}
    return any(names.refers_to(name) in _OWNERS for name in told if name not in asked)


def injection(subject: Subject) -> Iterator[Draft]:
    """SQL and script injection into free text inputs: no crash, no database error shown, nothing reflected as HTML."""
    target = subject.target
    if target.ends_session:
        return
    arranged = subject.arrange("full")
    inputs = [(name, place) for name, _, place in text_inputs(subject, arranged)][:_MOST_INPUTS]
    for name, place in inputs:
        yield _sql(subject, arranged, place, name)
    if not inputs:
        yield from _sql_in_path(subject)
    if not target.answers_text:
        for name, place in inputs:
            yield _script(subject, arranged, place, name)


def _no_crash(target: Target) -> Assertion:
    return StatusAssertion(one_of=target.harmless, description="The API does not crash")


def _no_database_error() -> Assertion:
    return BodyAssertion(op="not_matches", value=_SQL_ERRORS, description="No database error is shown")


def _sql(subject: Subject, arranged: Arranged, place: str, name: str) -> Draft:
    return subject.simple(
        arranged,
        f"{subject.target.name} with SQL in `{name}`",
        f"Puts a piece of SQL into `{name}`. The API neither crashes nor shows a database error.",
        "injection_sql",
        [_no_crash(subject.target), _no_database_error()],
        changes=replaced(arranged, place, name, _SQL),
        test_type="Security",
    )


def _sql_in_path(subject: Subject) -> Iterator[Draft]:
    arranged = subject.arrange("minimal")
    for parameter in subject.target.parameters("path")[-1:]:
        yield subject.simple(
            arranged,
            f"{subject.target.name} with SQL in path parameter `{parameter.name}`",
            f"Puts a piece of SQL into `{parameter.name}`. The API neither crashes nor shows a database error.",
            "injection_sql",
            [_no_crash(subject.target), _no_database_error()],
            changes={"path_params": {**arranged.request.path_params, parameter.name: _SQL_TIMED}},
            test_type="Security",
        )


def _script(subject: Subject, arranged: Arranged, place: str, name: str) -> Draft:
    # inside JSON the quote is escaped, so that only a raw reflection (HTML) matches
    raw = BodyAssertion(op="not_matches", value=_REFLECTED, description="The script does not come back as HTML")
    return subject.simple(
        arranged,
        f"{subject.target.name} with a script in `{name}`",
        f"Puts a script element into `{name}`. The API does not crash and does not send it back unescaped.",
        "injection_xss",
        [_no_crash(subject.target), raw],
        changes=replaced(arranged, place, name, _SCRIPT),
        test_type="Security",
    )
