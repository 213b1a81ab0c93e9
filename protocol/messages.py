"""The types that cross the bus. Which topic each is on, who owns it and how often it comes: topics.py.

Fields are only ever added, with defaults; a new kind of message is a new topic. Times are nanoseconds of the one clock
(``_ns``), or offsets from the start of a reply (``offset_ns``, ``start_sample``). A message with ``handle`` has its
content in shared memory; shape and dtype stand beside it.
"""

import math
from typing import Literal

from attrs import field, frozen
from attrs.validators import and_, deep_iterable, ge, in_, le, matches_re, max_len

from shm.handle import Handle

WEIGHTS = 52  # ARKit blendshapes, in the order of actors/arkit.py
OUTSIDE_REPLY = -1  # offset_ns of a face, frame or packet that belongs to no reply
MAX_TEXT = 4000  # characters
USER = r"([A-Za-z0-9_-]{22,64})?"  # 22 characters of base64url are 128 bits: not to be guessed
PHONES = frozenset(  # ARPAbet as flite and the CMU dictionary have it, with the reduced "ax"
    ("pau", "aa", "ae", "ah", "ao", "aw", "ax", "ay", "b", "ch", "d", "dh", "eh", "er", "ey", "f", "g", "hh", "ih")
    + (
        "iy",
        "jh",
        "k",
        "l",
        "m",
        "n",
        "ng",
        "ow",
        "oy",
        "p",
        "r",
        "s",
        "sh",
        "t",
        "th",
        "uh",
        "uw",
        "v",
        "w",
        "y",
        "z",
        "zh",
    )
)
Mood = Literal["neutral", "happy", "sad", "surprised", "concerned", "amused"]

_text = max_len(MAX_TEXT)
_texts = and_(max_len(MAX_TEXT), deep_iterable(max_len(MAX_TEXT)))
_count = ge(0)


def _finite(_, attribute, numbers) -> None:
    if not all(map(math.isfinite, numbers)):
        raise ValueError(f"{attribute.name} has a number that is not finite")


def _length(n: int):
    def check(_, attribute, items) -> None:
        if len(items) != n:
            raise ValueError(f"{attribute.name} has {len(items)} items, not {n}")

    return check


def _even(_, attribute, pixels) -> None:
    if pixels % 2:
        raise ValueError(f"{attribute.name} is {pixels}, and YUV420 has no odd sizes")


def _phones(_, attribute, names) -> None:
    if unknown := set(names) - PHONES:
        raise ValueError(f"{attribute.name} has {len(unknown)} that are no phones")


def _as_many_as(other: str):
    def check(message, attribute, items) -> None:
        if len(items) != len(wanted := getattr(message, other)):
            raise ValueError(f"{len(items)} {attribute.name} for {len(wanted)} {other}")

    return check


def _content(dtype: str):
    """One dimension of ``dtype``."""

    def check(_, attribute, handle: Handle | None) -> None:
        if handle is not None and (handle.dtype != dtype or len(handle.shape) != 1):
            raise ValueError(f"content is {handle.shape} {handle.dtype}, not one dimension of {dtype}")

    return check


def _planes(frame, attribute, handle: Handle | None) -> None:
    expected = (frame.height * 3 // 2, frame.width)
    if handle is not None and (handle.dtype != "uint8" or handle.shape != expected):
        raise ValueError(f"content is {handle.shape} {handle.dtype}, not {expected} uint8")


@frozen(kw_only=True)
class Session:
    """A call begins or ends. Kept, so that a restarted actor knows the calls in progress.

    ``user``: under which id the memory knows who calls; "" where nobody is known.
    """

    state: Literal["open", "closed"]
    reason: str = field(default="", validator=_text)
    width: int = field(default=1280, validator=[ge(64), le(4096), _even])
    height: int = field(default=720, validator=[ge(64), le(4096), _even])
    fps: int = field(default=30, validator=and_(ge(1), le(120)))
    user: str = field(default="", validator=matches_re(USER), repr=False)


@frozen(kw_only=True)
class MicAudio:
    """20 ms of the user's microphone. Content: int16 [samples], mono."""

    handle: Handle | None = field(default=None, validator=_content("int16"))
    sample_rate_hz: int = field(default=16000, validator=in_((16000,)))
    start_sample: int = field(validator=_count)  # since the session's first sample; losses are filled with silence


@frozen(kw_only=True)
class Speech:
    """The user's speech against silence.

    ``at_sample``: where it happened in the microphone's stream, which is earlier than when it was known.
    """

    state: Literal["started", "paused", "resumed", "ended"]
    utterance: int = field(validator=_count)  # grows by one with each "started"
    at_sample: int = field(validator=_count)
    at_ns: int = field(validator=_count)  # the same moment on the clock, as the microphone's blocks arrived


@frozen(kw_only=True)
class Transcript:
    """What the user said. ``provisional``: complete if he does not go on after this pause."""

    utterance: int = field(validator=_count)
    stage: Literal["partial", "provisional", "final"]
    text: str = field(validator=_text)


@frozen(kw_only=True)
class Turn:
    """The turn in the envelope is certain, or is dead with every turn before it. ``utterance``: what it answers."""

    state: Literal["committed", "cancelled"]
    utterance: int = field(default=0, validator=_count)
    reason: str = field(default="", validator=_text)


@frozen(kw_only=True)
class Reply:
    """One sentence, or first clause, of the reply. ``token_ns``: when the engine had its first word; 0: unsaid."""

    sentence: int = field(validator=_count)
    text: str = field(validator=_text)
    last: bool = False
    mood: Mood = "neutral"
    token_ns: int = field(default=0, validator=_count)


@frozen(kw_only=True)
class Exchange:
    """What was said in a turn, so that a restarted llm knows it: when the turn is committed ("open"), and when it is
    "over"; "void" where the user had not finished, and nothing of it counts.

    parts: his utterances. sentences, word_sentences, word_starts_ms, word_ends_ms: the reply, and where its words are,
    from its start. heard_ms: of the reply. cut: he interrupted it.
    """

    state: Literal["open", "over", "void"]
    utterance: int = field(validator=ge(-1))
    parts: tuple[str, ...] = field(validator=_texts)
    sentences: tuple[str, ...] = field(default=(), validator=_texts)
    word_sentences: tuple[int, ...] = ()
    word_starts_ms: tuple[float, ...] = field(default=(), validator=[_as_many_as("word_sentences"), _finite])
    word_ends_ms: tuple[float, ...] = field(default=(), validator=[_as_many_as("word_sentences"), _finite])
    heard_ms: float = field(default=0.0, validator=_count)
    cut: bool = False


@frozen(kw_only=True)
class Floor:
    """The user began to speak into the reply: its voice fades and waits ("yielded"), until the turn is cancelled
    or it was a false alarm ("taken"). ``from_ms``: where in the reply the voice then goes on.
    """

    state: Literal["yielded", "taken"]
    from_ms: float = field(default=0.0, validator=and_(ge(0.0), le(1e9)))


@frozen(kw_only=True)
class Dialogue:
    """What the face is doing in the conversation. Kept."""

    state: Literal["idle", "listening", "thinking", "speaking"]


@frozen(kw_only=True)
class Voice:
    """A block of the reply's sound. Content: int16 [samples], mono."""

    handle: Handle | None = field(default=None, validator=_content("int16"))
    sample_rate_hz: int = field(validator=and_(ge(8000), le(48000)))
    start_sample: int = field(validator=_count)  # from the reply's start
    sentence: int = field(validator=_count)
    last: bool = False  # the reply's last block


@frozen(kw_only=True)
class Phones:
    """When each sound and word of a sentence is spoken; comes before the sentence's first block of voice.

    names: ARPAbet in lower case, "pau" for silence; phone i lasts from ends_ms[i - 1] (start_ms for the first) to
    ends_ms[i]. All times from the reply's start.
    """

    sentence: int = field(validator=_count)
    start_ms: float = field(validator=_count)
    names: tuple[str, ...] = field(validator=[max_len(MAX_TEXT), _phones])
    ends_ms: tuple[float, ...] = field(validator=[_as_many_as("names"), _finite])
    words: tuple[str, ...] = field(default=(), validator=max_len(MAX_TEXT))
    word_starts_ms: tuple[float, ...] = field(default=(), validator=[_as_many_as("words"), _finite])
    word_ends_ms: tuple[float, ...] = field(default=(), validator=[_as_many_as("words"), _finite])
    last: bool = False  # the reply's last sentence
    mood: Mood = "neutral"


@frozen(kw_only=True)
class Face:
    """One frame of the face. ``weights``: 52 ARKit blendshapes, 0 to 1."""

    frame: int = field(validator=_count)  # counts the session's frames
    offset_ns: int = field(default=OUTSIDE_REPLY, validator=ge(OUTSIDE_REPLY))
    weights: tuple[float, ...] = field(validator=[_length(WEIGHTS), _finite])
    head_rad: tuple[float, ...] = field(default=(0.0, 0.0, 0.0), validator=[_length(3), _finite])  # yaw, pitch, roll
    head_m: tuple[float, ...] = field(
        default=(0.0, 0.0, 0.0), validator=[_length(3), _finite]
    )  # right, up, towards the viewer
    gaze_rad: tuple[float, ...] = field(
        default=(0.0, 0.0), validator=[_length(2), _finite]
    )  # yaw, pitch; 0 looks ahead


@frozen(kw_only=True)
class Frame:
    """A picture. Content: uint8 [height * 3 / 2, width], the planes of YUV420 (BT.601, limited range) one below the
    other. Its size is the session's, or smaller where time was short.

    ``quality``: how much was given up for it to be in time, 0 for nothing (actors/renderer/ladder.py).
    """

    handle: Handle | None = field(default=None, validator=_planes)
    frame: int = field(validator=_count)
    offset_ns: int = field(default=OUTSIDE_REPLY, validator=ge(OUTSIDE_REPLY))
    width: int = field(validator=[ge(64), le(4096), _even])
    height: int = field(validator=[ge(64), le(4096), _even])
    quality: int = field(default=0, validator=_count)


@frozen(kw_only=True)
class Packet:
    """An H.264 access unit, Annex B. Content: uint8 [bytes]. ``quality``: the frame's."""

    handle: Handle | None = field(default=None, validator=_content("uint8"))
    frame: int = field(validator=_count)
    offset_ns: int = field(default=OUTSIDE_REPLY, validator=ge(OUTSIDE_REPLY))
    key: bool = False
    quality: int = field(default=0, validator=_count)


@frozen(kw_only=True)
class Playout:
    """What of the reply is heard. ``anchor_ns``: when its offset 0 plays; it moves where the voice ran dry or held."""

    state: Literal["started", "playing", "held", "finished", "stopped"]
    anchor_ns: int = field(validator=_count)
    heard_ms: float = field(validator=_count)


@frozen(kw_only=True)
class KeyframeRequest:
    """The browser, or a new call, needs a picture that stands alone."""

    reason: str = field(default="", validator=_text)


@frozen(kw_only=True)
class Bitrate:
    """A ceiling for the encoder, from the browser's estimate."""

    bits_per_s: int = field(validator=and_(ge(50_000), le(50_000_000)))


@frozen(kw_only=True)
class Health:
    """Once a second, from every actor. Kept. ``counts``: what went wrong so far, as "reason topic" to number."""

    actor: str
    engine: str = ""
    state: Literal["preloading", "ready", "stopping"]
    pid: int = field(validator=ge(1))
    sessions: int = field(default=0, validator=_count)
    cpu_percent: float = field(default=0.0, validator=_count)  # of one core, over the last second
    memory_bytes: int = field(default=0, validator=_count)  # resident
    lag_ms: float = field(default=0.0, validator=_count)  # longest wait of an input over the last second
    step_ms: float = field(default=0.0, validator=_count)  # longest step over the last second
    counts: dict[str, int] = field(factory=dict)
    note: str = field(default="", validator=_text)


@frozen(kw_only=True)
class Handover:
    """Of an actor's work to a new process of it: "asked" by that one, once it is ready; "given" by the one before,
    between two turns, with which it says nothing more.
    """

    actor: str = field(validator=max_len(32))
    state: Literal["asked", "given"]


@frozen(kw_only=True)
class BusUp:
    """Once a second, from the bus. One of another boot has forgotten what was said: its publishers say it again."""


@frozen(kw_only=True)
class Sync:
    """A publisher's greeting to itself: when it comes back, both directions of its connection work."""
