"""What a name suggests: words, nouns, references to other resources, and plausible values."""

import re

_WORD = re.compile(r"[A-Z]+(?=[A-Z][a-z])|[A-Z]?[a-z]+|[A-Z]+|[0-9]+")
_IDENTITY = frozenset(
    {
        *("name", "title", "username", "login", "email", "mail", "slug", "sku", "code", "key", "handle", "label"),
        *("nickname", "isbn", "number", "reference"),
    }
)
_ID_WORDS = frozenset({"id", "uuid", "guid", "ids"})
_TEXTS = {
    "phone": "+12025550147",
    "mobile": "+12025550147",
    "tel": "+12025550147",
    "password": "Str0ng!Passw0rd",
    "passwd": "Str0ng!Passw0rd",
    "currency": "USD",
    "country": "US",
    "language": "en",
    "lang": "en",
    "locale": "en-US",
    "timezone": "UTC",
    "tz": "UTC",
    "city": "Springfield",
    "street": "1 Main Street",
    "address": "1 Main Street",
    "zip": "12345",
    "postal": "12345",
    "postcode": "12345",
    "color": "#336699",
    "colour": "#336699",
    "url": "https://example.com/",
    "uri": "https://example.com/",
    "link": "https://example.com/",
    "website": "https://example.com/",
    "ip": "192.0.2.10",
    "host": "example.com",
    "hostname": "example.com",
    "domain": "example.com",
    "date": "2030-01-15",
    "description": "Written by an automated test",
    "comment": "Written by an automated test",
}
_NUMBERS = {
    "year": 2024,
    "age": 30,
    "price": 19.5,
    "amount": 19.5,
    "cost": 19.5,
    "percent": 50,
    "latitude": 48.5,
    "longitude": 11.5,
    "port": 8080,
}
_LATER = frozenset(
    {"end", "ends", "until", "due", "to", "expires", "expiry", "expiration", "finish", "checkout", "arrival", "return"}
)
_SHORTEST_PLURAL = 5
_PAST = frozenset({"birth", "birthday", "birthdate", "born", "dob"})


def words(name: str) -> list[str]:
    """Lower-case words of a camelCase, snake_case or kebab-case name."""
    return [word.lower() for word in _WORD.findall(name)]


def normal(name: str) -> str:
    """A name without its style: `userId`, `user_id` and `user-id` are the same."""
    return "".join(words(name))


def singular(noun: str) -> str:
    """A plain English guess of the singular of a lower-case noun."""
    if len(noun) >= _SHORTEST_PLURAL and noun.endswith("ies"):
        return noun[:-3] + "y"
    if noun.endswith(("sses", "shes", "ches", "xes", "zes")):
        return noun[:-2]
    if noun.endswith("s") and not noun.endswith(("ss", "us", "is")):
        return noun[:-1]
    return noun


def noun_of(segment: str) -> str:
    """The noun of a path segment or schema title: `order-items` → `orderitem`."""
    parts = words(segment)
    return "".join([*parts[:-1], singular(parts[-1])]) if parts else ""


def refers_to(name: str) -> str | None:
    """The noun that a name refers to by id: `customerId` → customer, `tag_ids` → tag; None if it is no reference."""
    return next(iter(nouns_referred(name)), None)


def nouns_referred(name: str) -> list[str]:
    """The nouns that a reference may mean, the most specific first: `parent_category_id` → parentcategory, category."""
    parts = words(name)
    if not parts[:-1] or parts[-1] not in _ID_WORDS:
        return []
    return list(dict.fromkeys(["".join([*parts[:-2], singular(parts[-2])]), singular(parts[-2])]))


def is_identity(name: str) -> bool:
    """True where values of that name are likely unique in a collection."""
    parts = words(name)
    return bool(parts) and parts[-1] in _IDENTITY


def text_for(name: str) -> str | None:
    return next((_TEXTS[word] for word in reversed(words(name)) if word in _TEXTS), None)


def number_for(name: str) -> float | int | None:
    return next((_NUMBERS[word] for word in reversed(words(name)) if word in _NUMBERS), None)


def year_for(name: str) -> int:
    """A year for a date of that name, so that ends come after starts and births lie in the past."""
    parts = set(words(name))
    if parts & _PAST:
        return 1990
    return 2031 if parts & _LATER else 2030
