"""The timeline of replies against the media clock of one call. A pure machine: it is told the time and has no clock.

Sound is the master. On every deadline of the media clock it gives one packet of sound, silence where there is none. The
moment at which a reply's offset 0 plays is its anchor; its pictures leave at anchor + offset. Nothing of a reply plays
before its turn is committed. While the user has the floor, the reply waits where it was stopped.
"""

from collections import Counter, deque
from collections.abc import Sequence

import numpy as np
from attrs import frozen

from actors.step import Input, Output
from actors.transport.media import PACKET_NS, PACKET_SAMPLES, SAMPLE_RATE_HZ, VIDEO_RATE_HZ, samples_ns
from actors.transport.reply import Reply
from protocol.clock import MS, SECOND
from protocol.messages import OUTSIDE_REPLY, Floor, Packet, Turn, Voice
from protocol.messages import Playout as Progress

PICTURE_WAIT_NS = 30 * MS  # for a reply's first picture once it is certain and its sound there; then without
HOLD_NS = 500 * MS  # no picture waits longer: those behind it, which decode only after it, would freeze with it
LATE_NS = 20 * MS  # a picture that comes so much after its time is counted
FADE_SAMPLES = 1920  # 40 ms: a reply that is stopped ends without a click
RISE_SAMPLES = 480  # 10 ms: and goes on without one
DRY_NS = 3 * SECOND  # a reply whose voice stays away so long is given up
PROGRESS_PACKETS = 5  # Playout at 10 Hz
AGAIN_MS = 150.0  # what left just before a restart may not have been heard: half a word is said again
PICTURE_STEP = VIDEO_RATE_HZ // 1000  # least distance of two pictures: browsers count in milliseconds
NO_TURN = -1
SILENCE = np.zeros(PACKET_SAMPLES, np.int16)


@frozen(eq=False)
class Picture:
    """An access unit whose time has come. data: uint8 [bytes]; pts: media clock at 90 kHz, strictly increasing."""

    data: np.ndarray
    pts: int
    key: bool


@frozen(eq=False)
class _Held:
    packet: Input
    arrived_ns: int


class Playout:
    """One per call. ``counts``: "reason topic" to number of what went wrong."""

    def __init__(self, zero_ns: int, counts: Counter[str]):
        self._zero_ns = zero_ns
        self._counts = counts
        self._replies: dict[int, Reply] = {}  # by turn: not yet begun
        self._playing: Reply | None = None
        self._last_turn = 0  # replies up to this turn are over, or dead
        self._anchor_turn, self._anchor_ns = NO_TURN, 0
        self._dry_packets = 0
        self._packets_since_progress = 0
        self._tail: deque[np.ndarray] = deque()  # packets of a reply that was stopped, fading out
        self._held_turn = NO_TURN  # the reply that waits while the user has the floor
        self._rises = False  # its next packet begins softly
        self._held: deque[_Held] = deque()
        self._pts = -PICTURE_STEP
        self._said: list[Output] = []
        self._begun: list[tuple[int, int]] = []

    def take(self, one: Input, now_ns: int) -> None:
        """Takes a Voice, Packet, Turn or Floor."""
        turn = one.envelope.turn
        match one.message:
            case Turn(state="cancelled"):
                self._cancel(turn)
            case Turn(state="committed") if turn > self._last_turn:
                self._reply(turn).committed_ns = now_ns
            case Floor(state="yielded") if turn != self._held_turn:
                self._hold(turn)
            case Floor(state="taken", from_ms=from_ms) if turn == self._held_turn:
                self._held_turn = NO_TURN
                self._release(turn, from_ms)
            case Voice() if self._playing is not None and turn == self._playing.turn:
                self._playing.add(one, now_ns, self._counts)
            case Voice() if turn > self._last_turn:
                self._reply(turn).add(one, now_ns, self._counts)
            case Voice():
                self._counts["dead voice"] += 1
            case Packet():
                self._queue(one, now_ns)

    def _reply(self, turn: int) -> Reply:
        if turn not in self._replies:
            self._replies[turn] = Reply(turn)
        return self._replies[turn]

    def resume(self, past: Sequence[Input], now_ns: int) -> None:
        """After a restart. past: what was said in the call, Playout included: a reply goes on a little before where it
        was."""
        heard_ms: dict[int, float] = {}
        for one in past:
            if isinstance(one.message, Progress):
                heard_ms[one.envelope.turn] = one.message.heard_ms
                if one.message.state in ("finished", "stopped"):
                    self._last_turn = max(self._last_turn, one.envelope.turn)
        for one in past:
            if isinstance(one.message, Voice | Turn | Floor) and one.envelope.turn > self._last_turn:
                self.take(one, now_ns)
        for turn, reply in self._replies.items():
            reply.take(max(0, int((heard_ms.get(turn, 0.0) - AGAIN_MS) * SAMPLE_RATE_HZ / 1000)))
            reply.sentences_begun()
            self._rises = self._rises or reply.position > 0

    # ---- sound

    def sound(self, index: int) -> np.ndarray:
        """Packet ``index`` of the media clock, due at zero_ns + index * 20 ms: int16 [960] at 48 kHz."""
        due_ns = self._zero_ns + index * PACKET_NS
        if self._tail:
            return self._tail.popleft()
        if self._playing is None or self._is_held or not self._playing.is_ready:
            self._begin_next(due_ns)
        reply = self._playing
        if reply is None or self._is_held:
            return SILENCE
        if not reply.is_ready:
            return self._run_dry(reply, due_ns)
        self._anchor_ns = due_ns - samples_ns(reply.position)
        self._progress(reply, at_once=self._dry_packets > 0 or self._rises)
        self._dry_packets = 0
        sound = self._risen(reply.take(PACKET_SAMPLES))
        self._begun += [(reply.turn, sentence) for sentence in reply.sentences_begun()]
        if reply.is_over:
            self._say(reply, "finished")
            self._playing = None
        return np.pad(sound, (0, PACKET_SAMPLES - len(sound)))

    @property
    def _is_held(self) -> bool:
        return self._playing is not None and self._playing.turn == self._held_turn

    def _begin_next(self, due_ns: int) -> None:
        ready = (r for _, r in sorted(self._replies.items()) if r.committed_ns is not None and r.is_ready)
        reply = next((r for r in ready if r.turn != self._held_turn), None)
        if reply is None or not (
            reply.has_picture or due_ns - max(reply.first_ns, reply.committed_ns) >= PICTURE_WAIT_NS
        ):
            return
        if self._playing is not None:  # dry or held, and overtaken by the next turn
            self._stop()
        self._playing = reply
        self._last_turn = reply.turn
        self._replies = {turn: later for turn, later in self._replies.items() if turn > reply.turn}
        self._anchor_turn, self._anchor_ns = reply.turn, due_ns - samples_ns(reply.position)
        self._dry_packets = 0
        self._say(reply, "started")

    def _run_dry(self, reply: Reply, due_ns: int) -> np.ndarray:
        self._counts["underrun voice"] += 1
        self._dry_packets += 1
        self._anchor_ns = due_ns + PACKET_NS - samples_ns(reply.position)
        self._progress(reply, at_once=self._dry_packets == 1)
        if self._dry_packets * PACKET_NS >= DRY_NS:
            self._stop()
        return SILENCE

    def _stop(self) -> Reply:
        reply, self._playing = self._playing, None
        self._say(reply, "stopped")
        self._anchor_turn = NO_TURN
        return reply

    def _cancel(self, turn: int) -> None:
        self._last_turn = max(self._last_turn, turn)
        self._replies = {number: reply for number, reply in self._replies.items() if number > turn}
        if self._playing is None or self._playing.turn > turn:
            return
        was_held = self._is_held
        reply = self._stop()
        if not was_held:
            self._fade(reply)

    def _hold(self, turn: int) -> None:
        """The voice stops at once, for now; one that has not begun does not begin."""
        self._held_turn = turn
        if turn in self._replies:
            self._replies[turn].has_picture = False
        if self._is_held:
            reply = self._playing
            self._say(reply, "held")
            position = reply.position
            self._fade(reply)
            reply.rewind(position)

    def _release(self, turn: int, from_ms: float) -> None:
        if self._playing is not None and self._playing.turn == turn:
            self._playing.rewind(int(from_ms * SAMPLE_RATE_HZ / 1000))
            self._rises = True

    def _risen(self, sound: np.ndarray) -> np.ndarray:
        if self._rises:
            self._rises = False
            count = min(RISE_SAMPLES, len(sound))
            sound = sound.copy()
            sound[:count] = sound[:count] * (np.arange(count) / RISE_SAMPLES)
        return sound

    def _fade(self, reply: Reply) -> None:
        """What comes next of it, fading out."""
        rest = reply.take(FADE_SAMPLES)
        phase = (np.arange(len(rest)) + 0.5) * (np.pi / max(1, len(rest)))
        faded = np.zeros(-(-len(rest) // PACKET_SAMPLES) * PACKET_SAMPLES, np.int16)
        faded[: len(rest)] = np.rint(rest * (0.5 + 0.5 * np.cos(phase)))
        self._tail.extend(faded.reshape(-1, PACKET_SAMPLES))

    # ---- pictures

    def _queue(self, packet: Input, now_ns: int) -> None:
        turn, offset_ns = packet.envelope.turn, packet.message.offset_ns
        if offset_ns != OUTSIDE_REPLY:
            if turn in self._replies or turn > self._last_turn:
                self._reply(turn).has_picture = True
            elif turn == self._anchor_turn and now_ns - (self._anchor_ns + offset_ns) > LATE_NS:
                self._counts["late video"] += 1
        self._held.append(_Held(packet, now_ns))

    def _due_ns(self, held: _Held) -> int:
        turn, offset_ns = held.packet.envelope.turn, held.packet.message.offset_ns
        if offset_ns == OUTSIDE_REPLY:
            return held.arrived_ns
        if turn == self._held_turn and turn > self._last_turn:  # nothing to wait for
            return held.arrived_ns
        if turn > self._last_turn:  # its reply has not begun
            return held.arrived_ns + HOLD_NS
        if turn == self._anchor_turn:
            return min(self._anchor_ns + offset_ns, held.arrived_ns + HOLD_NS)
        return held.arrived_ns

    @property
    def picture_ns(self) -> int | None:
        """When pictures() has something to give; None while no picture waits."""
        return self._due_ns(self._held[0]) if self._held else None

    def pictures(self, now_ns: int) -> list[Picture]:
        """Those whose time has come, in the order they were encoded."""
        ready = []
        while self._held and (due_ns := self._due_ns(self._held[0])) <= now_ns:
            held = self._held.popleft()
            message: Packet = held.packet.message
            if message.offset_ns != OUTSIDE_REPLY and due_ns == held.arrived_ns + HOLD_NS:
                self._counts["held video"] += 1
            if message.quality:
                self._counts[f"quality {message.quality} video"] += 1
            self._pts = max(self._pts + PICTURE_STEP, (due_ns - self._zero_ns) * VIDEO_RATE_HZ // SECOND)
            ready.append(Picture(held.packet.content, self._pts, message.key))
        return ready

    # ---- what to tell

    def _progress(self, reply: Reply, at_once: bool) -> None:
        if self._packets_since_progress >= PROGRESS_PACKETS or at_once:
            self._say(reply, "playing")
        self._packets_since_progress += 1

    def _say(self, reply: Reply, state: str) -> None:
        self._packets_since_progress = 0
        progress = Progress(state=state, anchor_ns=self._anchor_ns, heard_ms=reply.heard_ms)
        self._said.append(Output(progress, turn=reply.turn, cause=reply.cause))

    def said(self) -> list[Output]:
        """What to publish since the last call: Playout messages."""
        said, self._said = self._said, []
        return said

    def begun(self) -> list[tuple[int, int]]:
        """(turn, sentence) of the sentences whose sound began since the last call."""
        begun, self._begun = self._begun, []
        return begun
