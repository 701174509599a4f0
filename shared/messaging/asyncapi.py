"""The AsyncAPI 3 document of all contract events, work queues' dead letters aside, and queries.

`python -m shared.messaging.asyncapi docs/asyncapi.json` writes it.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from shared.contracts import CONTRACT_EVENTS, Contract, ContractEvent, Query
from shared.messaging.cloudevents import event_token
from shared.messaging.queries import subject_of

_REFS = "#/components/schemas/{model}"
_HEADERS: dict[str, tuple[str, bool]] = {
    "ce-specversion": ("Always `1.0`.", True),
    "ce-id": ("Unique and the same at every delivery.", True),
    "ce-source": ("`/testgen/<publishing service>`.", True),
    "ce-type": ("Name of the event.", True),
    "ce-time": ("When it was recorded, RFC 3339.", True),
    "ce-subject": ("`<aggregate>/<id>`.", True),
    "ce-sequence": ("Position in the publisher's event log.", True),
    "ce-sequenceindex": ("Place among the events of the same position.", True),
    "ce-orgid": ("Organisation.", False),
    "ce-actor": ("User id or service that caused it.", False),
    "ce-correlationid": ("Shared by all that one request caused.", False),
    "ce-causationid": ("Id of the event or request that caused it.", False),
    "traceparent": ("W3C Trace Context.", False),
}


def all_queries(base: type[Query] = Query) -> list[type[Query]]:
    """Every query class, by subject."""
    found = [query for query in base.__subclasses__() if query.subject]
    deeper = [query for child in base.__subclasses__() for query in all_queries(child)]
    return sorted({*found, *deeper}, key=lambda query: query.subject)


def document() -> dict[str, Any]:
    """AsyncAPI 3.0 as JSON values; the same for the same contracts."""
    events = [CONTRACT_EVENTS[name] for name in sorted(CONTRACT_EVENTS)]
    queries = all_queries()
    models: list[type[Contract]] = [*events, *queries, *(query.reply for query in queries)]
    names, definitions = models_json_schema(
        [(model, "serialization") for model in dict.fromkeys(models)], ref_template=_REFS
    )
    refs = {model: names[model, "serialization"]["$ref"] for model in models}
    channels, operations, messages = _of_events(events, refs)
    for query in queries:
        _add_query(query, refs, channels, operations, messages)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "TestGen events and queries",
            "version": "1.0.0",
            "description": "CloudEvents 1.0 in NATS binary mode on JetStream; queries by NATS request and reply.",
        },
        "defaultContentType": "application/json",
        "channels": channels,
        "operations": operations,
        "components": {
            "messages": messages,
            "messageTraits": {"cloudEvent": {"headers": _headers_schema()}},
            "schemas": definitions.get("$defs", {}),
        },
    }


def _headers_schema() -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: {"type": "string", "description": text} for name, (text, _) in _HEADERS.items()},
        "required": [name for name, (_, required) in _HEADERS.items() if required],
    }


def _of_events(
    events: list[type[ContractEvent]], refs: dict[type[Contract], str]
) -> tuple[dict[str, Any], dict[str, Any], dict[str, Any]]:
    channels: dict[str, Any] = {}
    operations: dict[str, Any] = {}
    messages: dict[str, Any] = {}
    for event in events:
        channels[event.name] = {
            "address": f"testgen.{{org}}.{event.context()}.{{aggregate}}.{{id}}.{event_token(event.name)}",
            "description": f"Stream EVENTS_{event.context()}, published by {event.context()}.",
            "parameters": {name: {"description": f"The {name} as one token."} for name in ("org", "aggregate", "id")},
            "messages": {"event": {"$ref": f"#/components/messages/{event.name}"}},
        }
        messages[event.name] = {
            "name": event.name,
            "summary": _summary(event),
            "payload": {"$ref": refs[event]},
            "traits": [{"$ref": "#/components/messageTraits/cloudEvent"}],
        }
        operations[f"publish.{event.name}"] = {"action": "send", "channel": _channel(event.name), "tags": _tags(event)}
    return channels, operations, messages


def _add_query(
    query: type[Query],
    refs: dict[type[Contract], str],
    channels: dict[str, Any],
    operations: dict[str, Any],
    messages: dict[str, Any],
) -> None:
    asked, answered = f"query.{query.subject}", f"reply.{query.subject}"
    messages[asked] = {"name": query.__name__, "summary": _summary(query), "payload": {"$ref": refs[query]}}
    messages[answered] = {"name": query.reply.__name__, "payload": {"$ref": refs[query.reply]}}
    channels[asked] = {
        "address": subject_of(query),
        "messages": {"question": {"$ref": f"#/components/messages/{asked}"}},
    }
    channels[answered] = {
        "address": None,
        "description": "The inbox that the question names.",
        "messages": {"reply": {"$ref": f"#/components/messages/{answered}"}},
    }
    operations[f"answer.{query.subject}"] = {
        "action": "receive",
        "channel": _channel(asked),
        "reply": {"channel": _channel(answered)},
    }


def _channel(name: str) -> dict[str, str]:
    return {"$ref": f"#/channels/{name}"}


def _tags(event: type[ContractEvent]) -> list[dict[str, str]]:
    return [{"name": event.context()}]


def _summary(model: type[Contract]) -> str:
    # Inherited docstrings describe the base class, not this message.
    text = model.__dict__.get("__doc__") or model.__name__
    return " ".join(text.split("\n\n")[0].split())


def render() -> str:
    return json.dumps(document(), indent=1, sort_keys=True, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    Path(sys.argv[1]).write_text(render(), encoding="utf-8")
