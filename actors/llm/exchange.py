"""What was said in a turn, and how much of it the user heard: to the word, by what was played."""

from collections.abc import Sequence

from attrs import define, field

from protocol import messages as m
from protocol.messages import Phones

HEARD_MS = 60.0  # of a word's end may be missing, and it was still understood
CUT = "—"  # after the last word that was heard of a reply that was cut


@define
class Exchange:
    """parts: the user's utterances that are answered together. sentences: of the reply, as far as they are made.

    heard_ms: how much of the reply was played. cut: the user interrupted it. asks: its last sentence is a question.
    """

    turn: int
    utterance: int
    parts: tuple[str, ...]
    sentences: list[str] = field(factory=list)
    heard_ms: float = 0.0
    cut: bool = False
    _words: dict[int, list[tuple[float, float]]] = field(factory=dict, init=False)  # by sentence: starts, ends in ms
    _end_ms: float | None = field(default=None, init=False)  # of the whole reply

    @classmethod
    def of(cls, turn: int, message: m.Exchange) -> "Exchange":
        exchange = cls(turn, message.utterance, message.parts, list(message.sentences), message.heard_ms, message.cut)
        times = zip(message.word_sentences, message.word_starts_ms, message.word_ends_ms, strict=True)
        for sentence, start, end in times:
            exchange._words.setdefault(sentence, []).append((start, end))
        return exchange

    def message(self, state: str) -> m.Exchange:
        """From which of() makes it again; of an open one without the reply, which the bus has of its own."""
        if state == "open":
            return m.Exchange(state=state, utterance=self.utterance, parts=self.parts)
        words = [(sentence, *times) for sentence, of in self._words.items() for times in of]
        sentences, starts, ends = zip(*words, strict=True) if words else ((), (), ())
        return m.Exchange(
            state=state,
            utterance=self.utterance,
            parts=self.parts,
            sentences=tuple(self.sentences),
            word_sentences=sentences,
            word_starts_ms=starts,
            word_ends_ms=ends,
            heard_ms=self.heard_ms,
            cut=self.cut,
        )

    @property
    def user(self) -> str:
        return " ".join(self.parts)

    @property
    def asks(self) -> bool:
        return not self.cut and bool(self.sentences) and self.sentences[-1].rstrip("\"')").endswith("?")

    def spoken(self, phones: Phones) -> None:
        """The voice says when it speaks a sentence, or a part of one."""
        words = zip(phones.word_starts_ms, phones.word_ends_ms, strict=True)
        self._words.setdefault(phones.sentence, []).extend(words)
        if phones.last:
            self._end_ms = phones.ends_ms[-1]

    def heard(self) -> str:
        """The words of the reply that the user heard."""
        heard = []
        for number, sentence in enumerate(self.sentences):
            words = sentence.split()
            count = self._heard_words(number, len(words))
            heard += words[:count]
            if count < len(words):
                break
        return " ".join(heard)

    def unheard(self) -> list[str]:
        """What is left of the reply, from the beginning of the sentence in which it was cut."""
        for number, sentence in enumerate(self.sentences):
            if self._heard_words(number, len(sentence.split())) < len(sentence.split()):
                return self.sentences[number:]
        return []

    def _heard_words(self, number: int, written: int) -> int:
        """Of the ``written`` words of a sentence. The voice counts others ("7" is one, "twenty one" two): by share."""
        times = self._words.get(number)
        if not times:
            return 0
        heard = sum(end <= self.heard_ms + HEARD_MS for _, end in times)
        return written * heard // len(times)

    def word_start_ms(self) -> float:
        """Where the word begins in which the reply was stopped; where that was, between two words."""
        for start, end in (one for times in self._words.values() for one in times):
            if start < self.heard_ms < end:
                return start
        return self.heard_ms

    def left_ms(self) -> float:
        """How much of the reply is still to be played; infinite while it is being made."""
        return float("inf") if self._end_ms is None else self._end_ms - self.heard_ms

    def recent(self) -> Sequence[str]:
        """The latest sentences that may be in the air, as text."""
        begun = [number for number, times in self._words.items() if times and times[0][0] <= self.heard_ms + 500]
        last = max(begun, default=0)
        return self.sentences[max(0, last - 1) : last + 1]
