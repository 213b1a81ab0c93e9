"""What the llm actor asks of an engine: a conversation for each call, and replies that may be in the making."""

from collections.abc import Sequence
from datetime import datetime
from typing import Protocol

from attrs import define, field

from actors.llm.exchange import Exchange


class Pending(Protocol):
    """A reply on its way. Nothing waits. first_token_ns: when its first word was there; None: not yet, or at once."""

    mood: str | None  # settled with the first sentence
    first_token_ns: int | None

    def take(self) -> list[str]:
        """The sentences that have become complete since the last call, in order."""
        ...

    @property
    def done(self) -> bool:
        """Whether take() has given everything. A reply without any sentence is none."""
        ...

    def cancel(self) -> None:
        """Nobody wants it any more."""
        ...


class Conversation(Protocol):
    """One call. What is begun may be in vain: nothing is remembered of it before it is kept."""

    def meet(self, user: str) -> None:
        """Who calls, as the memory knows him; "" for nobody known."""
        ...

    def resume(self, history: Sequence[Exchange], now: datetime) -> None:
        """The call is in progress, and this was said in it, in a life of the process before."""
        ...

    def expect(self) -> None:
        """The user has begun to speak: an answer will be wanted soon."""
        ...

    def begin(self, parts: Sequence[str], now: datetime, history: Sequence[Exchange]) -> Pending:
        """Answers the user's utterances; returns at once. now: local time. history: oldest first."""
        ...

    def keep(self, pending: Pending) -> None:
        """The turn is certain: what it changed counts."""
        ...


@define(eq=False)
class Ready:
    """A reply that was there at once."""

    sentences: list[str]
    mood: str = "neutral"
    first_token_ns: None = field(default=None, init=False)

    def take(self) -> list[str]:
        taken, self.sentences = self.sentences, []
        return taken

    @property
    def done(self) -> bool:
        return not self.sentences

    def cancel(self) -> None:
        self.sentences = []
