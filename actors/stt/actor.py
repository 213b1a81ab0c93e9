"""50 Hz <- transport: what the user says, while he speaks and when he has spoken."""

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np
from attrs import frozen

from actors.step import Input, Output
from protocol.clock import MS
from protocol.messages import MicAudio, Speech, Transcript

RATE_HZ = 16000
PRE_ROLL_SAMPLES = (
    6400  # 400 ms before speech is noticed: soft first sounds, and silence that recognisers like to begin in
)
HISTORY_SAMPLES = 2 * RATE_HZ  # kept while nobody speaks: the pre-roll, and a "started" that comes late
MAX_SAMPLES = 32 * RATE_HZ  # vad ends an utterance after 30 s; where it does not, it is gone
PARTIAL_NS = 100 * MS  # a question that nobody goes on from is answered from here; faster changes only flicker
LATE_AUDIO_NS = 200 * MS  # "ended" may overtake the last audio on the bus by far less


class Stream(Protocol):
    """The utterances of one call, as an engine of stt hears them."""

    def begin(self) -> None: ...

    def feed(self, samples: np.ndarray) -> None:
        """samples: int16 [n], 16 kHz, right after the ones before."""

    def partial(self) -> str:
        """The words so far, or of a little while ago."""

    def words(self) -> str:
        """The words, complete if nobody goes on; "" for none."""

    def end(self) -> None:
        """Ends the utterance."""


@frozen(eq=False)
class _Block:
    start: int
    samples: np.ndarray

    @property
    def end(self) -> int:
        return self.start + len(self.samples)


class Stt:
    """Says Transcript. stream: of the engine, for this call.

    After a restart it hears again what it heard, and what it said: utterances whose final words were said are over.
    """

    HEARS = (MicAudio, Speech)
    REMEMBERS = (Transcript,)

    def __init__(self, stream: Stream):
        self._stream = stream
        self._history: deque[_Block] = deque()  # of the last HISTORY_SAMPLES
        self._began: Input | None = None  # the "started" of the utterance that is heard
        self._ended: Input | None = None  # its "ended", while the audio before it is still to come
        self._next = 0  # the sample that the stream hears next
        self._text = ""  # last said
        self._whole: str | None = None  # the words up to a pause, while it lasts
        self._partial_ns = 0  # when the next partial may be said
        self.wake_ns: int | None = None

    def step(self, inputs: Sequence[Input], now_ns: int) -> Iterator[Output]:
        over = _over(inputs)
        for one in inputs:
            match one.message:
                case MicAudio():
                    yield from self._hear(one, now_ns)
                case Speech(utterance=utterance) if utterance not in over:
                    yield from self._follow(one, now_ns)
        if self.wake_ns is not None and now_ns >= self.wake_ns:
            yield from self._finish(self._ended)

    def _hear(self, one: Input, now_ns: int) -> Iterator[Output]:
        self._history.append(_Block(one.message.start_sample, one.content))
        while self._history[-1].end - self._history[0].end > HISTORY_SAMPLES:
            self._history.popleft()
        if self._began is None:
            return
        self._feed(self._history[-1])
        if self._ended:
            if self._next >= self._ended.message.at_sample:
                yield from self._finish(self._ended)
        elif self._next - self._began.message.at_sample > MAX_SAMPLES:
            yield from self._finish(one)
        elif self._whole is None and now_ns >= self._partial_ns:
            self._partial_ns = now_ns + PARTIAL_NS
            text = self._stream.partial()
            if text != self._text:
                self._text = text
                yield self._transcript("partial", text, one)

    def _feed(self, block: _Block) -> None:
        """What of the block was not heard yet, after silence for what was lost."""
        if block.end <= self._next:
            return
        lost = min(max(0, block.start - self._next), RATE_HZ)
        if lost:
            self._stream.feed(np.zeros(lost, np.int16))
        self._stream.feed(block.samples[max(0, self._next - block.start) :])
        self._next = block.end

    def _follow(self, one: Input, now_ns: int) -> Iterator[Output]:
        state, utterance = one.message.state, one.message.utterance
        if state == "started":
            if self._began is not None:
                yield from self._finish(one)
            self._begin(one, now_ns)
        elif self._began is None or utterance != self._began.message.utterance:
            return  # began before this machine did
        elif state == "paused":
            self._text = self._whole = self._stream.words()
            yield self._transcript("provisional", self._whole, one)
        elif state == "resumed":
            self._whole = None
        elif state == "ended":
            self._ended, self.wake_ns = one, now_ns + LATE_AUDIO_NS
            if self._next >= one.message.at_sample:
                yield from self._finish(one)

    def _begin(self, one: Input, now_ns: int) -> None:
        self._began, self._text = one, ""
        self._partial_ns = now_ns + PARTIAL_NS
        self._stream.begin()
        begin = max(0, one.message.at_sample - PRE_ROLL_SAMPLES)
        heard = [block for block in self._history if block.end > begin]
        self._next = max(begin, heard[0].start) if heard else begin
        for block in heard:
            self._feed(block)

    def _finish(self, cause: Input) -> Iterator[Output]:
        """A pause that nobody broke was the end: its words are final, so that an answer begun on them holds."""
        text = self._stream.words() if self._whole is None else self._whole
        self._stream.end()
        yield self._transcript("final", text, cause)
        self._began = self._ended = self._whole = self.wake_ns = None

    def _transcript(self, stage: str, text: str, cause: Input) -> Output:
        return Output(Transcript(utterance=self._began.message.utterance, stage=stage, text=text), cause=cause)


def _over(past: Sequence[Input]) -> set[int]:
    """The utterances whose final words were said. Of those that began before the first words that the bus still has,
    they were, or were said with these.
    """
    said = [one.message for one in past if isinstance(one.message, Transcript)]
    before = set()
    for one in past if said else ():
        if isinstance(one.message, Transcript):
            break
        if isinstance(one.message, Speech):
            before.add(one.message.utterance)
    final = {transcript.utterance for transcript in said if transcript.stage == "final"}
    return final | before - {transcript.utterance for transcript in said}
