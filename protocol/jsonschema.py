"""The messages as JSON Schema, for tools that know nothing of this program: what stands in a trace beside the bytes."""

import types
import typing

from attrs import NOTHING, fields, has

from protocol.envelope import Envelope

WORDS = {int: "integer", float: "number", str: "string", bool: "boolean", types.NoneType: "null"}


def of_body(kind: type) -> dict:
    """Of the second frame of a bus message whose type is ``kind``: an array of envelope and message."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": kind.__name__,
        "type": "array",
        "prefixItems": [_of(Envelope), _of(kind)],
    }


def _of(kind) -> dict:
    """Raises KeyError for a type that no message has yet."""
    arguments = typing.get_args(kind)
    match typing.get_origin(kind):
        case typing.Literal:
            return {"enum": list(arguments)}
        case types.UnionType:
            return {"anyOf": [_of(one) for one in arguments]}
        case one if one is tuple:
            return {"type": "array", "items": _of(arguments[0])}
        case one if one is dict:
            return {"type": "object", "additionalProperties": _of(arguments[1])}
    return _of_fields(kind) if has(kind) else {"type": WORDS[kind]}


def _of_fields(kind: type) -> dict:
    return {
        "type": "object",
        "properties": {one.name: _of(one.type) for one in fields(kind)},
        "required": [one.name for one in fields(kind) if one.default is NOTHING],
    }
