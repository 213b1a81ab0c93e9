"""The animator: what the face does, frame by frame. Its clock is its own, see pace.py. 30 Hz

Lips come from the engine: for each reply ``engine.open()`` gives an object with ``extend(start_ms, names, ends_ms)``,
``mouth(t_ms)`` and ``end_ms`` (track.py). An engine driven by the voice's sound plugs in there, and the machine hears
Voice for it. All else is behaviour.py.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from attrs import define

from actors.animator.behaviour import Behaviour
from actors.animator.motion import ease
from actors.animator.pace import Pace
from actors.animator.rules import Rules
from actors.animator.track import Track
from actors.arkit import ARKIT
from actors.step import Input, Output
from protocol.clock import MS, SECOND
from protocol.messages import OUTSIDE_REPLY, Dialogue, Face, Phones, Playout, Session, Speech, Turn

SETTLE_NS = 200 * MS  # a reply's frames go on for so long after its last phone
BLEND_NS = 150 * MS  # the mouth goes over from what it did to what it does now
DECIMALS = 5  # of weights, angles and places: far below what can be seen
SHUT = np.zeros(len(ARKIT))  # the mouth outside a reply


@define
class Speaking:
    """A reply in progress."""

    turn: int
    track: Track
    phones: Input  # the latest, which the frames are because of
    start_ns: int  # in the face's life, of offset 0
    offset_ns: int = 0  # of the latest frame
    complete: bool = False  # its last sentence is here

    @property
    def end_ns(self) -> int:
        return int(self.track.end_ms * MS) + SETTLE_NS


class Animator:
    """Machine of one call. ``seed``: the same seed and inputs give the same frames."""

    HEARS = (Session, Phones, Turn, Playout, Dialogue, Speech)

    def __init__(self, engine: Rules, seed: str):
        self._engine = engine
        self._behaviour = Behaviour(seed)
        self._pace: Pace | None = None  # only while the call is open
        self._state = "idle"
        self._turn = 0  # the latest heard of
        self._over = -1  # the latest turn whose reply is over or dead
        self._reply: Speaking | None = None
        self._frame = 0
        self._life_ns = 0  # the face's own time: even from frame to frame as they are seen
        self._shown_ns = 0  # when the latest frame was made
        self._mouth = SHUT  # of the latest frame
        self._rest_of = SHUT  # what the mouth still keeps of what it did before a change
        self._changed_ns = -BLEND_NS  # when that was, in the face's life

    @property
    def wake_ns(self) -> int | None:
        return self._pace.due_ns if self._pace else None

    def step(self, inputs: Sequence[Input], now_ns: int) -> Iterator[Output]:
        for one in inputs:
            self._turn = max(self._turn, one.envelope.turn)
            self._hear(one, now_ns)
        if self._pace and now_ns >= self._pace.due_ns:
            yield self._next(now_ns)

    def _hear(self, one: Input, now_ns: int) -> None:
        turn = one.envelope.turn
        match one.message:
            case Session(state="open", fps=fps) if self._pace is None:
                self._open(one.envelope.sent_ns, now_ns, fps)
            case Session(state="closed"):
                self._pace = None
            case Phones() if self._pace and turn > self._over:
                self._hear_phones(one, now_ns)
            case Turn(state="cancelled"):
                self._over = max(self._over, turn)
                if self._reply and self._reply.turn <= turn:
                    self._end()
            case Playout(state="started" | "playing", anchor_ns=anchor_ns) if self._plays(turn):
                self._pace.anchor(anchor_ns)
            case Playout(state="finished" | "stopped") if self._plays(turn):
                self._end()
            case Dialogue(state=state):
                self._state = state
            case Speech(state="paused" | "ended") if self._reply is None:
                self._behaviour.user_paused(self._life_ns / SECOND)

    def _open(self, opened_ns: int, now_ns: int, fps: int) -> None:
        """A call, new or taken over in the middle: the face is as old as the call."""
        self._pace = Pace(opened_ns, fps)
        self._shown_ns = now_ns
        self._life_ns = max(0, now_ns - opened_ns)
        self._frame = self._life_ns * fps // SECOND

    def _plays(self, turn: int) -> bool:
        return self._reply is not None and self._reply.turn == turn

    def _hear_phones(self, one: Input, now_ns: int) -> None:
        phones: Phones = one.message
        turn = one.envelope.turn
        if self._reply and turn < self._reply.turn:
            return
        if not self._plays(turn):
            self._end()
            self._pace.begin(now_ns)
            start_ns = self._life_ns + max(0, now_ns - self._shown_ns)
            self._reply = Speaking(turn, self._engine.open(), one, start_ns)
        reply = self._reply
        reply.track.extend(phones.start_ms, phones.names, phones.ends_ms)
        reply.phones, reply.complete = one, phones.last
        start, *times = (
            (reply.start_ns + ms * MS) / SECOND
            for ms in (phones.start_ms, *phones.word_starts_ms, *phones.word_ends_ms)
        )
        words = len(phones.word_starts_ms)
        self._behaviour.say(start, phones.words, times[:words], times[words:], phones.mood)
        self._blend()

    def _end(self) -> None:
        """The reply, if there is one, is over: the mouth settles, and frames are outside replies again."""
        if self._reply:
            self._over = max(self._over, self._reply.turn)
            self._reply = None
            self._behaviour.hush(self._life_ns / SECOND)
            self._pace.end()
            self._blend()

    def _next(self, now_ns: int) -> Output:
        offset_ns = self._pace.take(now_ns)
        reply = self._reply
        if reply:
            reply.offset_ns = offset_ns
            self._life_ns = reply.start_ns + offset_ns
        else:
            self._life_ns += max(0, now_ns - self._shown_ns)
        self._shown_ns = now_ns
        face = self._face(offset_ns)
        self._frame += 1
        if reply and reply.complete and self._pace.offset_ns > reply.end_ns:
            self._end()
        return Output(face, cause=reply.phones if reply else None, turn=reply.turn if reply else self._turn)

    def _face(self, offset_ns: int) -> Face:
        speaking = offset_ns != OUTSIDE_REPLY
        t = self._life_ns / SECOND
        weights, angles, place, gaze = self._behaviour.pose(t, "speaking" if speaking else self._state)
        left = 1.0 - ease((self._life_ns - self._changed_ns) / BLEND_NS)
        self._mouth = self._target() + left * self._rest_of
        weights = np.clip(weights + self._mouth, 0.0, 1.0)
        return Face(
            frame=self._frame,
            offset_ns=offset_ns,
            weights=_numbers(weights),
            head_rad=_numbers(angles),
            head_m=_numbers(place),
            gaze_rad=_numbers(gaze),
        )

    def _target(self) -> np.ndarray:
        """What the mouth is to do in the latest frame: weights [52]."""
        return self._reply.track.mouth(self._reply.offset_ns / MS) if self._reply else SHUT

    def _blend(self) -> None:
        """What the mouth is to do has changed: from here on it leaves what it did, without a jump."""
        self._rest_of = self._mouth - self._target()
        self._changed_ns = self._life_ns


def _numbers(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(np.round(np.asarray(values, float), DECIMALS).tolist())
