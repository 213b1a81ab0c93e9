"""The animator: what the face does, frame by frame. Its clock is its own, see pace.py. 30 Hz

Lips come from the engine: for each reply ``engine.open()`` gives an object with ``extend(start_ms, names, ends_ms)``,
``mouth(t_ms)`` and ``end_ms`` (track.py). An engine driven by the voice's sound plugs in there, and the machine hears
Voice for it. What it gives goes through mouth.py. All else is behaviour.py.
"""

from collections.abc import Iterator, Sequence

import numpy as np

from actors.animator.behaviour import Behaviour
from actors.animator.easing import Easing
from actors.animator.mouth import Mouth, join
from actors.animator.pace import Pace
from actors.animator.prosody import Sentence
from actors.animator.rules import Rules
from actors.animator.speaking import Speaking
from actors.step import Input, Output
from protocol.clock import MS, SECOND
from protocol.messages import OUTSIDE_REPLY, Dialogue, Face, Floor, Phones, Playout, Session, Speech, Turn

PAST_NS = SECOND  # what moved a listener so long ago, before the animator started anew, moves him no more
FORGOTTEN_NS = 10 * SECOND  # a face that was seen so long ago need not be gone on from
DECIMALS = 5  # of weights, angles and places: far below what can be seen


class Animator:
    """Machine of one call. ``seed``: the same seed and inputs give the same frames."""

    HEARS = (Session, Phones, Turn, Playout, Floor, Dialogue, Speech)
    REMEMBERS = (Face,)

    def __init__(self, engine: Rules, seed: str):
        self._engine = engine
        self._behaviour = Behaviour(seed)
        self._pace: Pace | None = None  # only while the call is open
        self._state = "idle"
        self._turn = 0  # the latest heard of
        self._over = -1  # the latest turn whose reply is over or dead
        self._certain = -1  # the latest turn that is committed
        self._drafts: dict[int, list[Input]] = {}  # phones by turn: of turns that may come to nothing
        self._reply: Speaking | None = None
        self._floor_turn = -1  # the reply that does not go on, or not begin, as the user has the floor
        self._waits = False  # the present reply does not go on, until its voice does
        self._frame = 0
        self._life_ns = 0  # the face's own time: even from frame to frame as they are seen
        self._shown_ns = 0  # when the latest frame was made
        self._mouth = Mouth()
        self._easing: Easing | None = None

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
                if self._plays(turn) or (turn <= self._certain and turn != self._floor_turn):
                    self._hear_phones(one, now_ns)
                else:
                    self._drafts.setdefault(turn, []).append(one)
            case Turn(state="committed"):
                self._commit(turn, now_ns)
            case Turn(state="cancelled"):
                self._over = max(self._over, turn)
                self._drafts = {later: phones for later, phones in self._drafts.items() if later > turn}
                if self._reply and self._reply.turn <= turn:
                    self._end(cut=True)
            case Floor(state=state):
                self._hear_floor(state, turn, now_ns)
            case Playout(state="started" | "playing" as state, anchor_ns=anchor_ns):
                self._commit(turn, now_ns)
                if self._plays(turn):
                    self._play(anchor_ns, now_ns, again=state == "started" and self._reply.heard)
            case Playout(state="finished" | "stopped" as state) if self._plays(turn):
                self._end(cut=state == "stopped")
            case Dialogue(state=state):
                self._state = state
            case Face() as face if now_ns - one.envelope.sent_ns < FORGOTTEN_NS:
                self._easing = Easing(face)
            case Speech() if now_ns - one.envelope.sent_ns > PAST_NS or self._reply:
                pass
            case Speech(state="started" | "resumed"):
                self._behaviour.user_started(self._life_ns / SECOND)
            case Speech():
                self._behaviour.user_paused(self._life_ns / SECOND)

    def _open(self, opened_ns: int, now_ns: int, fps: int) -> None:
        """A call, new or taken over in the middle: the face is as old as the call."""
        self._pace = Pace(opened_ns, fps)
        self._shown_ns = now_ns
        self._life_ns = max(0, now_ns - opened_ns)
        self._frame = self._life_ns * fps // SECOND

    def _commit(self, turn: int, now_ns: int) -> None:
        """The turn is certain. Before that its reply shows nothing: transport would hold the pictures back, and with
        them those of the face that still listens."""
        self._certain = max(self._certain, turn)
        if turn != self._floor_turn:
            drafts, self._drafts = self._drafts.pop(turn, []), {}
            for phones in drafts:
                self._hear_phones(phones, now_ns)

    def _play(self, anchor_ns: int, now_ns: int, again: bool) -> None:
        """``again``: it was heard before, and its voice has gone back some way, to where it was when that was lost."""
        self._reply.heard = True
        if self._waits and self._floor_turn == self._reply.turn:
            return  # said before it yielded
        if self._waits or again:
            self._waits = False
            self._pace.rejoin(anchor_ns, now_ns)
            next_ns = self._life_ns + max(now_ns, self._pace.due_ns) - self._shown_ns
            self._reply.start_ns = next_ns - self._pace.offset_ns
            self._mouth.speak(self._reply.track)
            for phones in self._reply.after(self._pace.offset_ns / MS):
                self._behaviour.say(Sentence.of(phones.message, self._reply.start_ns / SECOND, False))
        else:
            self._pace.anchor(anchor_ns)

    def _hear_floor(self, state: str, turn: int, now_ns: int) -> None:
        """The voice stops, perhaps to go on: the lips close, and the face lives on outside the reply."""
        if state == "taken":
            self._floor_turn = -1
            if turn in self._drafts:
                self._commit(turn, now_ns)
            return
        self._floor_turn = turn
        if not self._plays(turn) or self._waits:
            return
        if self._reply.heard:
            self._waits = True
        else:  # not even begun: as if it were not made yet
            self._drafts[turn] = self._reply.sentences
            self._reply = None
        self._mouth.cut(self._reply.word_ends_ms() if self._reply else 0.0)
        self._behaviour.hush(self._life_ns / SECOND)
        self._pace.end()

    def _plays(self, turn: int) -> bool:
        return self._reply is not None and self._reply.turn == turn

    def _hear_phones(self, one: Input, now_ns: int) -> None:
        turn = one.envelope.turn
        if self._reply and turn < self._reply.turn:
            return
        first = not self._plays(turn)
        if first:
            self._end()
            self._pace.begin(now_ns)
            start_ns = self._life_ns + max(0, now_ns - self._shown_ns)
            self._reply = Speaking(turn, self._engine.open(), one, start_ns)
            self._mouth.speak(self._reply.track)
        self._reply.hear(one)
        if not self._waits:
            self._behaviour.say(Sentence.of(one.message, self._reply.start_ns / SECOND, first))

    def _end(self, cut: bool = False) -> None:
        """The reply, if there is one, is over: the mouth settles, and frames are outside replies again.

        ``cut``: before it was all said; who was heard is then interrupted.
        """
        if self._reply:
            self._over = max(self._over, self._reply.turn)
            if not self._waits:
                self._mouth.cut(self._reply.word_ends_ms())
            self._waits = False
            self._behaviour.hush(self._life_ns / SECOND, cut and self._reply.heard)
            self._pace.end()
            self._reply = None

    def _next(self, now_ns: int) -> Output:
        before_ns = self._life_ns
        offset_ns = self._pace.take(now_ns)
        reply = None if self._waits else self._reply
        if reply:
            reply.offset_ns = offset_ns
            self._life_ns = reply.start_ns + offset_ns
        else:
            self._life_ns += max(0, now_ns - self._shown_ns)
        self._shown_ns = now_ns
        face = self._face(offset_ns, (self._life_ns - before_ns) / SECOND)
        self._frame += 1
        if reply and reply.complete and self._pace.offset_ns > reply.end_ns:
            self._end()
        return Output(face, cause=reply.phones if reply else None, turn=reply.turn if reply else self._turn)

    def _face(self, offset_ns: int, dt: float) -> Face:
        speaking = offset_ns != OUTSIDE_REPLY
        state = "speaking" if speaking else self._state
        beside, angles, place, gaze = self._behaviour.pose(self._life_ns / SECOND, state)
        mouth = self._mouth.move(offset_ns / MS if speaking else None, dt)
        weights = join(mouth, beside)
        if self._easing:
            weights, angles, place, gaze = self._easing.ease((weights, angles, place, np.array(gaze)), dt)
            self._easing = None if self._easing.is_over else self._easing
        return Face(
            frame=self._frame,
            offset_ns=offset_ns,
            weights=_numbers(weights),
            head_rad=_numbers(angles),
            head_m=_numbers(place),
            gaze_rad=_numbers(gaze),
        )


def _numbers(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(np.round(np.asarray(values, float), DECIMALS).tolist())
