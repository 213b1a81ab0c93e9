"""What an actor said in a trace, as plain facts that can be compared and read."""

import json
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
from attrs import asdict

from protocol import topics
from protocol.clock import MS
from protocol.messages import Frame
from protocol.trace import Record, TraceReader

TIMES = ("at_ns", "anchor_ns", "token_ns")  # on the clock; told in ms from the trace's beginning, 0 for none
DECIMALS = 3
EVERY = {"face": 6, "frame": 30, "packet": 6}  # pictures


def said(trace: Path, actor: str, zero_ns: int | None = None) -> Iterator[dict]:
    """One for each message: topic, turn, at_ms, its fields, and a digest of its content. zero_ns: what the times count
    from; the first message of the trace where None. Raises BadTrace, OSError.
    """
    for record in TraceReader(trace):
        zero_ns = record.envelope.sent_ns if zero_ns is None else zero_ns
        if record.envelope.actor == actor and record.envelope.topic != "health":
            yield _fact(record, zero_ns)


def _fact(record: Record, zero_ns: int) -> dict:
    fields = asdict(record.message)
    fields.pop("handle", None)
    for name in TIMES:
        if fields.get(name):
            fields[name] = round((fields[name] - zero_ns) / MS, DECIMALS)
    head = {
        "topic": record.envelope.topic,
        "turn": record.envelope.turn,
        "at_ms": round((record.envelope.sent_ns - zero_ns) / MS, DECIMALS),
    }
    return json.loads(json.dumps({**head, **fields, **_digest(record)}))


def _digest(record: Record) -> dict:
    content = record.content
    if content is None:
        return {}
    if isinstance(record.message, Frame):
        return {"luma": content.tolist()}
    crc = zlib.crc32(content.tobytes())
    if content.dtype == np.int16:
        loudness = float(np.sqrt(np.mean(content.astype(np.float64) ** 2)))
        return {"samples": len(content), "loudness": round(loudness, 1), "crc": crc}
    return {"bytes": len(content), "crc": crc}


def thinned(facts: Iterable[dict]) -> list[dict]:
    """Of what comes with every picture only some: references are small, and to be read."""
    return [fact for fact in facts if fact.get("frame", 0) % EVERY.get(fact["topic"], 1) == 0]


def write(path: Path, facts: Iterable[dict]) -> None:
    """One line each."""
    path.write_text("".join(json.dumps(fact) + "\n" for fact in facts))


def read(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def topics_of(actor: str) -> list[str]:
    """Those that it owns and that are recorded."""
    return [topic.name for topic in topics.TABLE if topic.owner == actor and topic.recorded]
