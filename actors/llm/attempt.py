"""A turn's reply from its first word in the making to its last word in the air."""

from collections.abc import Iterator

from attrs import define

from actors.llm.conversation import Pending
from actors.llm.exchange import Exchange
from actors.step import Input, Output
from protocol.messages import Reply


@define(eq=False)
class Attempt:
    """cause: the words that it answers. look: how finished they look (completeness.py). since_ns: when the user fell
    silent; None while he still speaks. due_ns: when his turn is over, if he does not go on.

    pending: None until it is begun. known: so many of its sentences were said in a life before, and are not said again.
    complete: its last sentence was sent to the voice. plays: it is heard. alarms: false ones, how often it gave up the
    floor for nothing.
    """

    exchange: Exchange
    cause: Input
    look: str
    since_ns: int | None = None
    due_ns: int | None = None
    pending: Pending | None = None
    known: int = 0
    complete: bool = False
    plays: bool = False
    alarms: int = 0

    @property
    def turn(self) -> int:
        return self.exchange.turn

    def said(self) -> Iterator[Output]:
        """The sentences that have become complete, for the voice."""
        if self.pending is None or self.complete:
            return
        taken = self.pending.take()
        sentences, self.known = taken[self.known :], max(0, self.known - len(taken))
        over = self.pending.done
        if over and not sentences and self.exchange.sentences:
            sentences = [""]  # it ended without a last sentence: the voice must not wait for one
        for left, text in zip(reversed(range(len(sentences))), sentences, strict=True):
            self.complete = over and not left
            yield Output(self._reply(text), cause=self.cause, turn=self.turn)
            self.exchange.sentences.append(text)

    def _reply(self, text: str) -> Reply:
        return Reply(
            sentence=len(self.exchange.sentences),
            text=text,
            last=self.complete,
            mood=self.pending.mood or "neutral",
            token_ns=self.pending.first_token_ns or 0,
        )

    @property
    def is_void(self) -> bool:
        """Nothing came, and nothing will."""
        return self.pending is not None and not self.exchange.sentences and self.pending.done and not self.complete
