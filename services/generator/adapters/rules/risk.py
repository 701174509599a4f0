"""Priority from risk: what the operation does, how sensitive it is, and what the category would find."""

from services.generator.adapters.rules import names, schema
from services.generator.adapters.rules.model import Target
from shared.contracts.testcase import Priority

_METHODS = {"DELETE": 3, "POST": 3, "PUT": 3, "PATCH": 3, "GET": 1}
_CATEGORIES = {
    **dict.fromkeys(("auth_missing", "auth_invalid", "authorization", "valid", "state"), 3),
    **dict.fromkeys(("injection_sql", "injection_xss", "invalid", "not_found"), 2),
    **dict.fromkeys(("edge", "pagination", "response_time", "load", "rate_limit"), 1),
}
_SENSITIVE = frozenset(
    {
        "password",
        "token",
        "payment",
        "card",
        "iban",
        "ssn",
        "email",
        "phone",
        "salary",
        "account",
        "secret",
        "admin",
        "user",
    }
)
_LARGE = 10
_HIGH, _MEDIUM = 7, 4


def risk_of(target: Target) -> int:
    """0 (harmless) to about 6: method, authentication, sensitivity of the data, size of the body."""
    body = target.body
    fields = schema.properties(schema.flatten(body.json_schema, body.json_schema)) if body else {}
    said = {word for name in [target.path, *fields] for word in names.words(name)}
    score = _METHODS.get(target.method, 1) + int(target.operation.requires_auth)
    singulars = {names.singular(word) for word in said}
    return score + int(bool(singulars & _SENSITIVE)) + int(len(fields) >= _LARGE)


def priority_of(target: Target, category: str) -> Priority:
    score = risk_of(target) + _CATEGORIES.get(category, 1)
    if score >= _HIGH:
        return "High"
    return "Medium" if score >= _MEDIUM else "Low"
