"""The llm actor owns the conversation: who may speak, which turn counts, what is answered and how much of it was heard.

What the face does, as Dialogue says it, and what leads from one to the next:

    idle ──he speaks──▶ listening ──his turn is over──▶ thinking ──the voice plays──▶ speaking ──it has ended──▶ idle
                         ▲    ▲                            │                            │
                         │    └──he speaks: voice waits────┴────────────────────────────┤
                         └──his words are an interruption: the turn is cancelled────────┘
                            (noise, "mhm", an echo: the voice goes on, thinking or speaking as before)

Beside that there is at most one *draft*: at each pause of the user the answer to what he has said so far is begun as a
turn of its own, spoken by tts and held by transport. He goes on: it is cancelled. He does not, for as long as his words
and his habits demand (completeness.py, patience.py): it is committed and live, and its reply is heard at once.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime

from actors.llm.attempt import Attempt
from actors.llm.completeness import Completeness
from actors.llm.conversation import Conversation, Ready
from actors.llm.exchange import Exchange
from actors.llm.interruption import LEAST_WORDS, interrupts, is_echo
from actors.llm.past import fold
from actors.llm.patience import Patience
from actors.llm.user import User
from actors.step import Input, Output
from actors.words import is_noise
from protocol.clock import MS, SECOND
from protocol.messages import Dialogue, Floor, Phones, Playout, Reply, Session, Speech, Transcript, Turn
from protocol.messages import Exchange as Said

THINK_NS = 8 * SECOND  # thinking longer than this means that no transcript or no voice is coming any more
POLL_NS = 5 * MS  # how often a reply in the making is looked at
ALARM_NS = 2 * SECOND  # so long the voice waits for words of one who makes a sound
MOST_ALARMS = 2  # false ones in a reply; from then on only words stop it
REOPEN_MS = 700.0  # who goes on before he has heard more of the reply than this was not finished
QUESTION_MS = 1200.0  # a reply that ends with a question may be answered from so long before its end
SHORT_WORDS = 3  # of an answer that a question asked for
UNSEEN_TURNS = 1000  # drafts that a life before may have made since it last said what the face does
EXCHANGES = 50  # remembered


class Llm:
    """Machine of one call. local_time: turns a time of the one clock into local time."""

    HEARS = (Session, Speech, Transcript, Phones, Playout)
    REMEMBERS = (Turn, Reply, Floor, Dialogue, Said)

    def __init__(self, conversation: Conversation, completeness: Completeness, local_time: Callable[[int], datetime]):
        self.wake_ns: int | None = None
        self.history: deque[Exchange] = deque(maxlen=EXCHANGES)
        self._conversation, self._completeness, self._local_time = conversation, completeness, local_time
        self._patience = Patience()
        self._seen_turn = 0
        self._state = ""
        self._draft: Attempt | None = None
        self._live: Attempt | None = None  # committed, and its reply is not over
        self._user = User()
        self._over_reply = -1  # the utterance that began while a reply was live
        self._alarm_ns: int | None = None  # the voice waits until then for his words
        self._think_ns: int | None = None  # when thinking is given up

    def step(self, inputs: Sequence[Input], now_ns: int) -> Iterator[Output]:
        if not self._state and any(isinstance(one.message, Dialogue) for one in inputs):
            yield from self._resume(inputs, now_ns)
            inputs = ()
        for one in inputs:
            self._seen_turn = max(self._seen_turn, one.envelope.turn)
            match one.message:
                case Session():
                    yield from self._session(one, now_ns)
                case Speech():
                    yield from self._speech(one, now_ns)
                case Transcript():
                    yield from self._transcript(one, now_ns)
                case Phones():
                    for attempt in self._attempts():
                        if attempt.turn == one.envelope.turn:
                            attempt.exchange.spoken(one.message)
                case Playout():
                    yield from self._playout(one, now_ns)
        yield from self._go_on(now_ns)
        self._plan(now_ns)

    def _resume(self, inputs: Sequence[Input], now_ns: int) -> Iterator[Output]:
        """After a restart: goes on where the life before was. Numbers of turns that it used are dead everywhere."""
        past = fold(inputs)
        for one in inputs:
            if isinstance(one.message, Session):
                self._conversation.meet(one.message.user)
        self._seen_turn = past.turn + UNSEEN_TURNS
        self.history.extend(past.history)
        self._state, self._user = past.state, past.user
        now = self._local_time(now_ns)
        if exchange := past.live:
            self._live = live = Attempt(exchange, past.commit, "complete", plays=past.plays, alarms=past.alarms)
            live.pending, live.complete, live.known = Ready([]), past.complete, len(exchange.sentences)
            self._conversation.resume(tuple(self.history)[: None if past.complete else -1], now)
            if not past.complete:
                live.pending = self._conversation.begin(exchange.parts, now, tuple(self.history)[:-1])
                self._conversation.keep(live.pending)
            self._alarm_ns = now_ns + ALARM_NS if past.yielded else None
            self._over_reply = past.user.utterance if past.user.utterance > exchange.utterance else -1
            self._think_ns = None if live.plays else now_ns + THINK_NS
        else:  # a reply may have ended meanwhile
            self._conversation.resume(tuple(self.history), now)
            yield from self._rest(None, now_ns)
        if past.words:
            yield from self._transcript(past.words, now_ns)

    def _attempts(self) -> list[Attempt]:
        return [one for one in (self._draft, self._live) if one]

    def _session(self, one: Input, now_ns: int) -> Iterator[Output]:
        if one.message.state == "open" and self._state:
            return  # its connection was made anew
        if one.message.state == "open":
            self._conversation.meet(one.message.user)
        else:
            yield from self._drop_draft("call ended")
            yield from self._cancel(one, "call ended")
        yield from self._become("idle", one, now_ns)

    # ---- the user's voice

    def _speech(self, one: Input, now_ns: int) -> Iterator[Output]:
        speech: Speech = one.message
        self._user.hear(speech)
        match speech.state:
            case "started":
                self._conversation.expect()
                yield from self._went_on(speech.at_ns)
                if self._live:
                    self._over_reply = speech.utterance
                    if speech.utterance <= self._live.exchange.utterance:  # vad has begun to count anew
                        self._live.exchange.utterance = -1
                yield from self._hear_out(one, now_ns)
            case "resumed":
                yield from self._went_on(speech.at_ns)
                yield from self._hear_out(one, now_ns)
            case "ended" if not self._live:
                self._think_ns = now_ns + THINK_NS  # its words may never come

    def _hear_out(self, one: Input, now_ns: int) -> Iterator[Output]:
        """He makes a sound: the voice stops at once, whether for good his words will say."""
        if not self._live:
            yield from self._become("listening", one, now_ns)
        elif self._alarm_ns is not None:  # the voice waits already
            self._alarm_ns = now_ns + ALARM_NS
        elif self._live.alarms < MOST_ALARMS:
            self._alarm_ns = now_ns + ALARM_NS
            yield Output(Floor(state="yielded"), cause=one, turn=self._live.turn)
            yield from self._become("listening", one, now_ns)

    def _went_on(self, at_ns: int) -> Iterator[Output]:
        if self._draft and self._draft.since_ns is not None:
            self._patience.went_on(self._draft.look, at_ns - self._draft.since_ns)
            yield from self._drop_draft("the user went on")

    def _transcript(self, one: Input, now_ns: int) -> Iterator[Output]:
        said: Transcript = one.message
        if self._live and said.utterance == self._live.exchange.utterance:
            return  # the turn has ended it
        if self._live or said.utterance == self._over_reply:
            if not self._wants_floor(said, now_ns):
                if said.stage != "partial":
                    yield from self._take_floor(one, now_ns)
                if said.stage == "final" and not self._live:
                    yield from self._become("idle", one, now_ns)
                return
            self._over_reply = -1
            yield from self._interrupt(one, now_ns)
        goes_on = said.stage == "partial" or self._user.sounds  # words of a pause may come after it
        if not is_noise(said.text):
            parts = (*self._user.parts, said.text)
            yield from self._consider(parts, one, goes_on, now_ns)
            if said.stage == "final":
                self._user.parts = parts
        elif self._user.parts and not goes_on:  # what was said before still wants its answer
            yield from self._consider(self._user.parts, one, goes_on, now_ns)
        elif not goes_on:
            yield from self._become("idle", one, now_ns)

    def _consider(self, parts: tuple[str, ...], one: Input, goes_on: bool, now_ns: int) -> Iterator[Output]:
        """Begins the answer to ``parts``, where it is not begun; and settles, once he is silent, when it is due."""
        look = self._completeness.of(" ".join(parts))
        if goes_on and look != "certain":
            return (yield from self._drop_draft("the user went on"))
        if self._draft is None or self._draft.exchange.parts != parts:
            yield from self._drop_draft("the user went on")
            self._seen_turn += 1
            self._draft = Attempt(Exchange(self._seen_turn, one.message.utterance, parts), one, look)
        draft = self._draft
        draft.exchange.utterance = one.message.utterance
        if not goes_on:
            asked = bool(self.history) and self.history[-1].asks
            draft.since_ns = self._user.silent_ns
            short = len(draft.exchange.user.split()) <= SHORT_WORDS
            draft.due_ns = self._user.silent_ns + self._patience.of(look, asked and short)
        if look != "open":  # what is hardly finished is not worth the work
            self._begin(draft, now_ns)

    def _begin(self, draft: Attempt, now_ns: int) -> None:
        if draft.pending is None:
            now = self._local_time(now_ns)
            draft.pending = self._conversation.begin(draft.exchange.parts, now, tuple(self.history))

    def _drop_draft(self, reason: str) -> Iterator[Output]:
        draft, self._draft = self._draft, None
        if draft and draft.pending:
            draft.pending.cancel()
            gone = Turn(state="cancelled", utterance=draft.exchange.utterance, reason=reason)
            yield Output(gone, cause=draft.cause, turn=draft.turn)

    # ---- the floor

    def _take_floor(self, one: Input | None, now_ns: int) -> Iterator[Output]:
        """It was a false alarm: the voice goes on, from the beginning of the word in which it stopped."""
        if self._alarm_ns is None or not self._live:
            return
        self._alarm_ns = None
        live = self._live
        live.alarms += 1
        yield Output(Floor(state="taken", from_ms=live.exchange.word_start_ms()), cause=one, turn=live.turn)
        yield from self._become("speaking" if live.plays else "thinking", one, now_ns)

    def _wants_floor(self, said: Transcript, now_ns: int) -> bool:
        spoken_ns = (now_ns if said.stage == "partial" else self._user.silent_ns) - self._user.began_ns
        live, exchange = self._live, self._live.exchange if self._live else self.history[-1]
        if live and is_echo(said.text, exchange.recent()):
            live.alarms = MOST_ALARMS
            return False
        if exchange.asks and exchange.left_ms() < QUESTION_MS and said.stage != "partial":
            return not is_noise(said.text)
        return interrupts(said.text, spoken_ns, 1 if self._is_fresh(live) else LEAST_WORDS)

    @staticmethod
    def _is_fresh(live: Attempt | None) -> bool:
        """Hardly anything was heard of the reply: who speaks now had not finished."""
        return live is not None and live.exchange.heard_ms < REOPEN_MS

    def _interrupt(self, one: Input, now_ns: int) -> Iterator[Output]:
        live = self._live
        if live is None:
            return
        if self._is_fresh(live):
            self._user.parts = live.exchange.parts
            self.history.remove(live.exchange)
            yield self._note(live.exchange, "void")
            if live.since_ns is not None:
                self._patience.went_on(live.look, self._user.began_ns - live.since_ns)
        else:
            self._patience.over(live.look)
        yield from self._cancel(one, "interrupted")
        yield from self._become("listening", one, now_ns)

    # ---- the reply

    def _go_on(self, now_ns: int) -> Iterator[Output]:
        """What is due without any input."""
        draft = self._draft
        if draft and draft.due_ns is not None and now_ns >= draft.due_ns:
            self._begin(draft, now_ns)
            yield from self._commit(draft, now_ns)
        for attempt in self._attempts():
            yield from attempt.said()
        if self._live and self._live.is_void:
            yield from self._cancel(None, "there is nothing to say")
            yield from self._become("idle", None, now_ns)
        if self._alarm_ns is not None and now_ns >= self._alarm_ns:
            yield from self._take_floor(None, now_ns)
        if self._think_ns is not None and now_ns >= self._think_ns:
            self._think_ns = None
            yield from self._cancel(None, "no voice came")
            yield from self._rest(None, now_ns)

    def _commit(self, draft: Attempt, now_ns: int) -> Iterator[Output]:
        self._draft, self._live, self._user.parts, self._user.speaks = None, draft, (), False
        self._conversation.keep(draft.pending)
        self.history.append(draft.exchange)
        committed = Turn(state="committed", utterance=draft.exchange.utterance)
        yield Output(committed, cause=draft.cause, turn=draft.turn)
        yield self._note(draft.exchange, "open")
        yield from self._become("thinking", draft.cause, now_ns)

    def _playout(self, one: Input, now_ns: int) -> Iterator[Output]:
        played: Playout = one.message
        for exchange in self.history:
            if exchange.turn == one.envelope.turn:
                exchange.heard_ms = played.heard_ms
        if not self._live or one.envelope.turn != self._live.turn:
            return
        if played.state in ("finished", "stopped"):
            self._patience.over(self._live.look)
            yield self._note(self._live.exchange, "over")
            self._live = self._alarm_ns = None
            yield from self._rest(one, now_ns)
        elif played.state != "held":
            self._live.plays = True
            if self._alarm_ns is None:
                yield from self._become("speaking", one, now_ns)

    def _cancel(self, one: Input | None, reason: str) -> Iterator[Output]:
        if self._live:
            gone, self._live, self._alarm_ns = self._live, None, None
            gone.exchange.cut = True
            gone.pending.cancel()
            cancelled = Turn(state="cancelled", utterance=gone.exchange.utterance, reason=reason)
            yield Output(cancelled, cause=one, turn=gone.turn)
            if gone.exchange in self.history:
                yield self._note(gone.exchange, "over")

    @staticmethod
    def _note(exchange: Exchange, state: str) -> Output:
        return Output(exchange.message(state), turn=exchange.turn)

    def _rest(self, one: Input | None, now_ns: int) -> Iterator[Output]:
        yield from self._become("listening" if self._user.speaks else "idle", one, now_ns)

    def _become(self, state: str, one: Input | None, now_ns: int) -> Iterator[Output]:
        """Says the state where it is new."""
        if state == self._state:
            return
        self._state = state
        self._think_ns = now_ns + THINK_NS if state == "thinking" else None
        yield Output(Dialogue(state=state), cause=one, turn=self._live.turn if self._live else self._seen_turn)

    def _plan(self, now_ns: int) -> None:
        times = [self._draft and self._draft.due_ns, self._alarm_ns, self._think_ns]
        if any(attempt.pending and not attempt.complete for attempt in self._attempts()):
            times.append(now_ns + POLL_NS)
        self.wake_ns = min((time for time in times if time is not None), default=None)
