"""The llm actor owns the conversation: who may speak, which turn counts, what is answered and how much of it was heard.

Its clock is the user's transcript: each final one that wants an answer starts a turn, numbered above all turns seen.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Protocol

from attrs import define

from actors.llm.scripted import Answer
from actors.llm.words import NOISE, split
from actors.step import Input, Output
from protocol.clock import SECOND
from protocol.messages import Dialogue, Playout, Reply, Session, Speech, Transcript, Turn

PATIENCE_NS = 8 * SECOND  # thinking longer than this means that no transcript or no voice is coming any more
INTERRUPTS_WORDS = 2  # so many words interrupt the reply ...
INTERRUPTS_LETTERS = 4  # ... or one word of so many letters; less is "mhm", "yes" or a cough
EXCHANGES = 50  # remembered


class Conversation(Protocol):
    """What an engine opens for a call."""

    def answer(self, text: str, now: datetime) -> Answer: ...


@define
class Exchange:
    """What was said in a turn. heard_ms: how much of the reply was played; cut: the user interrupted it."""

    turn: int
    utterance: int
    user: str
    sentences: tuple[str, ...]
    heard_ms: float = 0.0
    cut: bool = False


class Llm:
    """Machine of one call. local_time: turns a time of the one clock into local time."""

    HEARS = (Session, Speech, Transcript, Playout)

    def __init__(self, conversation: Conversation, local_time: Callable[[int], datetime]):
        self.wake_ns: int | None = None
        self.history: deque[Exchange] = deque(maxlen=EXCHANGES)
        self._conversation, self._local_time = conversation, local_time
        self._seen_turn = 0
        self._live: Exchange | None = None  # the turn whose reply is not over
        self._state = ""
        self._user_speaks = False
        self._finished_utterance = -1  # the last one with a final transcript

    def step(self, inputs: Sequence[Input], now_ns: int) -> Iterator[Output]:
        for one in inputs:
            self._seen_turn = max(self._seen_turn, one.envelope.turn)
            match one.message:
                case Session(state="open"):
                    yield from self._become("idle", one, now_ns)
                case Session(state="closed"):
                    yield from self._cancel(one, "call ended")
                    yield from self._become("idle", one, now_ns)
                case Speech():
                    yield from self._speech(one, now_ns)
                case Transcript(stage="partial"):
                    if self._live and _interrupts(one.message.text):
                        yield from self._cancel(one, "interrupted")
                        yield from self._become("listening", one, now_ns)
                case Transcript(stage="final"):
                    yield from self._final(one, now_ns)
                case Playout():
                    yield from self._playout(one, now_ns)
        if self.wake_ns is not None and now_ns >= self.wake_ns:
            yield from self._cancel(None, "no voice came")
            yield from self._become("listening" if self._user_speaks else "idle", None, now_ns)

    def _speech(self, one: Input, now_ns: int) -> Iterator[Output]:
        match one.message.state:
            case "started":
                self._user_speaks = True
                if not self._live:
                    yield from self._become("listening", one, now_ns)
            case "ended":
                self._user_speaks = False
                if self._state == "listening":
                    waits = one.message.utterance != self._finished_utterance
                    yield from self._become("thinking" if waits else "idle", one, now_ns)

    def _final(self, one: Input, now_ns: int) -> Iterator[Output]:
        """Answers, unless it is noise, or too little to interrupt the reply that is being given."""
        said: Transcript = one.message
        self._finished_utterance = said.utterance
        if self._live and not _interrupts(said.text):
            return
        answer = self._conversation.answer(said.text, self._local_time(now_ns))
        if not answer.sentences:
            if self._state == "thinking" and not self._live:
                yield from self._become("idle", one, now_ns)
            return
        yield from self._cancel(one, "interrupted")
        self._seen_turn = turn = self._seen_turn + 1
        self._live = Exchange(turn, said.utterance, said.text, tuple(answer.sentences))
        self.history.append(self._live)
        yield Output(Turn(state="committed", utterance=said.utterance), cause=one, turn=turn)
        yield from self._become("thinking", one, now_ns)
        for number, text in enumerate(answer.sentences, 1):
            last = number == len(answer.sentences)
            yield Output(Reply(sentence=number - 1, text=text, last=last, mood=answer.mood), cause=one, turn=turn)

    def _playout(self, one: Input, now_ns: int) -> Iterator[Output]:
        played: Playout = one.message
        for exchange in self.history:
            if exchange.turn == one.envelope.turn:
                exchange.heard_ms = played.heard_ms
        if not self._live or one.envelope.turn != self._live.turn:
            return
        if played.state in ("started", "playing"):
            yield from self._become("speaking", one, now_ns)
        else:
            self._live = None
            yield from self._become("listening" if self._user_speaks else "idle", one, now_ns)

    def _cancel(self, one: Input | None, reason: str) -> Iterator[Output]:
        if self._live:
            gone, self._live = self._live, None
            gone.cut = True
            yield Output(Turn(state="cancelled", utterance=gone.utterance, reason=reason), cause=one, turn=gone.turn)

    def _become(self, state: str, one: Input | None, now_ns: int) -> Iterator[Output]:
        """Says the state where it is new."""
        if state == self._state:
            return
        self._state = state
        self.wake_ns = now_ns + PATIENCE_NS if state == "thinking" else None
        yield Output(Dialogue(state=state), cause=one, turn=self._seen_turn)


def _interrupts(text: str) -> bool:
    words = [word for word in split(text) if word not in NOISE]
    return len(words) >= INTERRUPTS_WORDS or any(len(word) >= INTERRUPTS_LETTERS for word in words)
