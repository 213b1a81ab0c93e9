"""Where a conversation stood when the llm's process began: a fold over what the bus has of it, own words among it."""

from collections.abc import Iterable

from attrs import define, field

from actors.llm.exchange import Exchange
from actors.llm.user import User
from actors.step import Input
from actors.words import is_noise
from protocol import messages as m


@define(eq=False)
class Past:
    """history: the exchanges that count, oldest first. open: the turn whose reply is not over, 0 for none; ``commit``:
    what made it certain. complete: its last sentence was said. plays: it was heard. yielded: the user has its floor.
    alarms: how often he gave it back. words: the last that were heard and not answered.
    """

    turn: int = 0  # the latest that anybody spoke of
    state: str = ""
    history: list[Exchange] = field(factory=list)
    open: int = 0
    commit: Input | None = None
    complete: bool = False
    plays: bool = False
    yielded: bool = False
    alarms: int = 0
    user: User = field(factory=User)
    words: Input | None = None

    @property
    def live(self) -> Exchange | None:
        return next((one for one in self.history if one.turn == self.open), None)


def fold(inputs: Iterable[Input]) -> Past:
    """inputs: in the order they were sent."""
    past, exchanges = Past(), {}
    replies: dict[int, list[Input]] = {}
    final: dict[int, str] = {}
    for one in inputs:
        turn = one.envelope.turn
        past.turn = max(past.turn, turn)
        match one.message:
            case m.Exchange(state="void"):
                exchanges.pop(turn, None)
            case m.Exchange() as message:
                exchanges[turn] = Exchange.of(turn, message)
            case m.Reply() | m.Phones():
                replies.setdefault(turn, []).append(one)
            case m.Turn(state="committed"):
                past.open, past.commit, past.plays, past.yielded, past.alarms = turn, one, False, False, 0
            case m.Turn() if turn >= past.open:
                past.open = 0
            case m.Playout(state=state, heard_ms=heard_ms):
                if turn in exchanges:
                    exchanges[turn].heard_ms = heard_ms
                if turn == past.open:
                    past.open, past.plays = (0 if state in ("finished", "stopped") else turn), True
            case m.Floor(state=state) if turn == past.open:
                past.yielded = state == "yielded"
                past.alarms += state == "taken"
            case m.Dialogue(state=state):
                past.state = state
            case m.Speech() as speech:
                past.user.hear(speech)
            case m.Transcript(utterance=utterance, stage=stage, text=text):
                past.words = one
                if stage == "final" and not is_noise(text):
                    final[utterance] = text
    past.history = [exchanges[turn] for turn in sorted(exchanges)]
    if live := past.live:
        _complete(past, live, replies.get(past.open, []))
    else:
        past.open = 0
    _unanswered(past, final)
    return past


def _complete(past: Past, live: Exchange, replies: list[Input]) -> None:
    """Its reply, as far as it was made."""
    for one in replies:
        if isinstance(one.message, m.Phones):
            live.spoken(one.message)
        else:
            live.sentences.append(one.message.text)
            past.complete = past.complete or one.message.last


def _unanswered(past: Past, final: dict[int, str]) -> None:
    answered = max((one.utterance for one in past.history), default=0)
    if past.words and past.words.message.utterance <= answered:
        past.words = None
    now = past.words.message.utterance if past.words else 0
    past.user.parts = tuple(text for number, text in final.items() if answered < number < now)
    if past.user.utterance <= answered:
        past.user.speaks = past.user.sounds = False
