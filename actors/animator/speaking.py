"""A reply in progress: its lips, and what is known of its words."""

from attrs import define, field

from actors.animator.track import Track
from actors.step import Input
from protocol.clock import MS
from protocol.messages import Phones

SETTLE_NS = 200 * MS  # a reply's frames go on for so long after its last phone


@define
class Speaking:
    """A reply in progress."""

    turn: int
    track: Track
    phones: Input  # the latest, which the frames are because of
    start_ns: int  # in the face's life, of offset 0
    offset_ns: int = 0  # of the latest frame
    complete: bool = False  # its last sentence is here
    heard: bool = False  # its voice plays
    words_ms: list[tuple[float, float]] = field(factory=list)  # starts and ends of its words
    sentences: list[Input] = field(factory=list)

    @property
    def end_ns(self) -> int:
        return int(self.track.end_ms * MS) + SETTLE_NS

    def hear(self, phones: Input) -> None:
        """Its next sentence."""
        more: Phones = phones.message
        self.track.extend(more.start_ms, more.names, more.ends_ms)
        self.words_ms += zip(more.word_starts_ms, more.word_ends_ms, strict=True)
        self.sentences.append(phones)
        self.phones, self.complete = phones, more.last

    def after(self, at_ms: float) -> list[Input]:
        """The sentences that begin after ``at_ms``."""
        return [phones for phones in self.sentences if phones.message.start_ms > at_ms]

    def word_ends_ms(self) -> float:
        """Where the word ends that the latest frame speaks; where that frame is, between words."""
        now_ms = self.offset_ns / MS
        return next((end for start, end in self.words_ms if start < now_ms < end), now_ms)
