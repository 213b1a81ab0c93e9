"""The messages as data: ``python -m protocol.schema`` prints what schema.json holds.

The file is checked in; a test compares it with the code, so that a change of the wire form is seen in review. Fields
may be added with a default; nothing else may change.
"""

import json
from pathlib import Path

from attrs import NOTHING, Factory, fields, has

from protocol import topics
from protocol.envelope import Envelope
from shm.handle import Handle

FILE = Path(__file__).with_name("schema.json")


def _type_name(kind) -> str:
    return kind.__name__ if has(kind) or isinstance(kind, type) else str(kind).replace("shm.handle.", "")


def _fields(kind: type) -> dict[str, dict]:
    described = {}
    for attribute in fields(kind):
        described[attribute.name] = {"type": _type_name(attribute.type)}
        if isinstance(attribute.default, Factory):
            described[attribute.name]["default"] = attribute.default.factory()
        elif attribute.default is not NOTHING:
            described[attribute.name]["default"] = attribute.default
    return described


def schema() -> dict:
    """{"envelope": fields, "topics": {topic: {"type", "owner", "fields"}}, "Handle": fields}."""
    return {
        "envelope": _fields(Envelope),
        "handle": _fields(Handle),
        "topics": {
            topic.name: {"type": topic.type.__name__, "owner": topic.owner, "fields": _fields(topic.type)}
            for topic in topics.TABLE
        },
    }


def text() -> str:
    return json.dumps(schema(), indent=1) + "\n"


if __name__ == "__main__":
    print(text(), end="")
