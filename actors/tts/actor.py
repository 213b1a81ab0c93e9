"""The voice: hears the reply's sentences, says when their sounds come and the sounds themselves."""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

import numpy as np

from actors.step import Engine, Input, Output
from actors.tts.clause import clauses
from actors.tts.normalise import normalise
from actors.tts.timing import Timing
from protocol.messages import Phones, Reply, Turn, Voice

SILENCE_MS = 20  # one packet: ends a reply that has nothing more to say


class Speaker(Engine, Protocol):
    """An engine that speaks."""

    sample_rate_hz: int

    def speak(self, text: str) -> Iterator[Timing | np.ndarray]:
        """A Timing, then blocks of int16 [samples], as they are made, whose lengths add up to Timing.samples."""
        ...


class Tts:
    """Speaks the sentences of a turn in the order of their numbers, each once, one after the other on one timeline.

    A step ends after its first block of sound with wake_ns at now, so that a cancelled turn is noticed between two
    blocks. A sentence that has no sound in it says nothing, except that the reply's last one ends in 20 ms of silence.
    After a restart it hears what it said before, and goes on with the next block of the clause that it was in.
    """

    HEARS = (Reply, Turn)
    REMEMBERS = (Phones, Voice)

    def __init__(self, engine: Speaker) -> None:
        self.wake_ns: int | None = None
        self._engine = engine
        self._begin(0)

    def _begin(self, turn: int) -> None:
        self._turn = turn  # what is older is dead
        self._waiting: dict[int, Input] = {}
        self._sentence = 0  # the next to speak
        self._samples = 0  # where the next block begins
        self._said = 0  # samples, in a life before
        self._begun: deque[int] = deque()  # where the clauses end that were begun then, in samples
        self._speaking: Iterator[Output] = iter(())

    def step(self, inputs: Sequence[Input], now_ns: int) -> Iterable[Output]:
        for heard in inputs:
            self._hear(heard)
        self.wake_ns = now_ns
        while output := self._next():
            yield output
            if isinstance(output.message, Voice):
                return
        self.wake_ns = None

    def _hear(self, heard: Input) -> None:
        turn = heard.envelope.turn
        match heard.message:
            case Turn(state=state):
                alive = turn + 1 if state == "cancelled" else turn
                if alive > self._turn:
                    self._begin(alive)
            case Reply(sentence=sentence) if turn >= self._turn:
                if turn > self._turn:
                    self._begin(turn)
                self._waiting.setdefault(sentence, heard)
            case Phones(ends_ms=ends_ms) if turn == self._turn:
                self._begun.append(round(ends_ms[-1] * self._engine.sample_rate_hz / 1000))
            case Voice(start_sample=start, handle=handle) if turn == self._turn:
                self._said = max(self._said, start + handle.shape[0])

    def _next(self) -> Output | None:
        while (output := next(self._speaking, None)) is None:
            reply = self._waiting.pop(self._sentence, None)
            if reply is None:
                return None
            self._sentence += 1
            self._speaking = self._speak(reply)
        return output

    def _speak(self, reply: Input) -> Iterator[Output]:
        texts = clauses(normalise(reply.message.text))
        for i, text in enumerate(texts):
            yield from self._say(reply, self._engine.speak(text), reply.message.last and i == len(texts) - 1)
        if reply.message.last and not texts:
            yield from self._say(reply, self._silence(), True)

    def _silence(self) -> Iterator[Timing | np.ndarray]:
        samples = SILENCE_MS * self._engine.sample_rate_hz // 1000
        yield Timing(samples=samples, names=("pau",), ends_ms=(float(SILENCE_MS),))
        yield np.zeros(samples, np.int16)

    def _say(self, reply: Input, speech: Iterator[Timing | np.ndarray], last: bool) -> Iterator[Output]:
        begun = self._begun.popleft() if self._begun else None
        if begun is not None and begun <= self._said:
            self._samples = begun
            return
        timing = next(speech)
        if begun is None:
            yield Output(self._phones(reply.message, timing, last), cause=reply, valid=reply.envelope.valid)
        end = self._samples + timing.samples
        for block in speech:
            start = self._samples
            self._samples += len(block)
            if self._samples <= self._said:
                continue
            voice = Voice(
                sample_rate_hz=self._engine.sample_rate_hz,
                start_sample=start,
                sentence=reply.message.sentence,
                last=last and self._samples == end,
            )
            yield Output(voice, content=block, cause=reply, valid=reply.envelope.valid)

    def _phones(self, reply: Reply, timing: Timing, last: bool) -> Phones:
        start_ms = self._samples * 1000 / self._engine.sample_rate_hz

        def from_reply(times_ms: tuple[float, ...]) -> tuple[float, ...]:
            return tuple(round(start_ms + time_ms, 1) for time_ms in times_ms)

        return Phones(
            sentence=reply.sentence,
            start_ms=start_ms,
            names=timing.names,
            ends_ms=from_reply(timing.ends_ms),
            words=timing.words,
            word_starts_ms=from_reply(timing.word_starts_ms),
            word_ends_ms=from_reply(timing.word_ends_ms),
            last=last,
            mood=reply.mood,
        )
