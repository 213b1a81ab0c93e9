"""50 Hz <- transport: when the user speaks, and when he stops."""

from collections import deque
from collections.abc import Iterator, Sequence

import numpy as np

from actors.step import Input, Output
from actors.vad.activity import Activity
from actors.vad.silero import FRAME_SAMPLES, Stream
from protocol.clock import MS, SECOND
from protocol.messages import MicAudio, Speech, Turn

RATE_HZ = 16000
SILENT_NS = 500 * MS  # a microphone that sends nothing for so long in mid-speech is gone: END_FRAMES and some jitter
GAP_SAMPLES = 32000  # 2 s: silence put in for lost audio; by then speech has ended, and more changes nothing
CATCH_UP_NS = 20_000  # per block: how fast the clock's estimate follows a network that became slower (1 ms per s)


class Vad:
    """Says Speech. stream: of the engine, for this call's microphone. A turn that is certain ends its utterance.

    After a restart it hears again what it heard, and what it made of it: up to the last of that nothing is said twice.
    """

    HEARS = (MicAudio, Turn)
    REMEMBERS = (Speech,)

    def __init__(self, stream: Stream):
        self._stream = stream
        self._activity = Activity()
        self._utterance = 0
        self._samples = np.empty(0, np.int16)  # heard, not yet a whole frame
        self._frame = 0  # counts the frames given to the network
        self._origin: int | None = None  # the sample that frame 0 began with
        self._zero_ns: int | None = None  # when sample 0 was spoken, by the blocks that came fastest
        self._last: Input | None = None
        self.wake_ns: int | None = None

    def step(self, inputs: Sequence[Input], now_ns: int) -> Iterator[Output]:
        said = sum(isinstance(one.message, Speech) for one in inputs)
        for one in inputs:
            if isinstance(one.message, Speech):
                said -= 1
                self._remember(one.message)
            elif said:
                deque(self._take(one, now_ns), maxlen=0)
            else:
                yield from self._take(one, now_ns)
        if self.wake_ns is not None and now_ns >= self.wake_ns:
            yield from self._end(self._last)

    def _take(self, one: Input, now_ns: int) -> Iterator[Output]:
        if isinstance(one.message, MicAudio):
            yield from self._hear(one)
            self.wake_ns = now_ns + SILENT_NS if self._activity.speaking else None
        elif one.message.state == "committed" and one.message.utterance == self._utterance:
            yield from self._end(one)

    def _remember(self, said: Speech) -> None:
        self._utterance = said.utterance
        if self._origin is None:
            self._origin = said.at_sample
        if self._zero_ns is None:
            self._zero_ns = said.at_ns - said.at_sample * SECOND // RATE_HZ
        self._activity.remember(said.state, (said.at_sample - self._origin) // FRAME_SAMPLES)

    def _end(self, cause: Input) -> Iterator[Output]:
        if self._activity.speaking:
            yield self._say(*self._activity.end(self._frame), cause)
        self.wake_ns = None

    def _hear(self, one: Input) -> Iterator[Output]:
        start, block = one.message.start_sample, one.content
        self._last = one
        if self._origin is None:
            self._origin = start
        gap = start - self._next_sample
        if gap < 0:  # heard already, at least in part
            block = block[-gap:]
        if gap > 0:
            yield from self._frames(np.zeros(min(gap, GAP_SAMPLES), np.int16))
            self._origin += max(0, gap - GAP_SAMPLES)
        if len(block):
            self._keep_time(start + len(one.content), one.envelope.sent_ns)
            yield from self._frames(block)

    @property
    def _next_sample(self) -> int:
        return self._origin + self._frame * FRAME_SAMPLES + len(self._samples)

    def _keep_time(self, sample: int, sent_ns: int) -> None:
        """``sample`` was spoken at ``sent_ns`` at the latest; the fastest blocks know best."""
        zero_ns = sent_ns - sample * SECOND // RATE_HZ
        self._zero_ns = zero_ns if self._zero_ns is None else min(zero_ns, self._zero_ns + CATCH_UP_NS)

    def _frames(self, samples: np.ndarray) -> Iterator[Output]:
        self._samples = np.concatenate([self._samples, samples])
        while len(self._samples) >= FRAME_SAMPLES:
            probability = self._stream.probability(self._samples[:FRAME_SAMPLES])
            self._samples = self._samples[FRAME_SAMPLES:]
            self._frame += 1
            for state, frame in self._activity.hear(self._frame - 1, probability):
                yield self._say(state, frame, self._last)

    def _say(self, state: str, frame: int, cause: Input) -> Output:
        self._utterance += state == "started"
        at_sample = self._origin + frame * FRAME_SAMPLES
        at_ns = max(0, self._zero_ns + at_sample * SECOND // RATE_HZ)
        return Output(Speech(state=state, utterance=self._utterance, at_sample=at_sample, at_ns=at_ns), cause=cause)
