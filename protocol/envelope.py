"""What every message is wrapped in: who said it, when, in which call and turn, and because of what."""

from attrs import field, frozen
from attrs.validators import ge, matches_re, max_len

_id = matches_re(r"[a-z]*(:[0-9a-f]{1,16}:\d{1,19})?")


@frozen(kw_only=True)
class Envelope:
    """session: "" for what belongs to no call. turn: see Turn; grows only. boot: drawn when the publishing process
    started.

    seq: counts the boot's messages of this topic and session, from 1: a gap is a loss. cause: id of the message that
    led to this one, "" for none; following causes gives the latency of every stage. valid: False where it rests on
    stale or bad input.
    """

    topic: str = field(validator=max_len(32))
    actor: str = field(validator=max_len(32))
    session: str = field(default="", validator=matches_re(r"[A-Za-z0-9_-]{0,64}"))
    turn: int = field(default=0, validator=ge(0))
    boot: int = field(validator=ge(0))
    seq: int = field(validator=ge(1))
    sent_ns: int = field(validator=ge(0))
    cause: str = field(default="", validator=_id)
    valid: bool = True

    @property
    def id(self) -> str:
        """What others name as their cause."""
        return f"{self.topic}:{self.boot:x}:{self.seq}"
