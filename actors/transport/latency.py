"""How long each stage of a turn took since the user's last sound, read off the messages on the bus."""

import math
from collections import Counter, deque
from collections.abc import Iterable

from attrs import asdict, define, field, fields, frozen

from actors.step import Input
from protocol.clock import MS
from protocol.messages import Face, Frame, Packet, Playout, Reply, Speech, Transcript, Turn, Voice

MOST_OPEN = 8  # turns of a call that are under way, drafts included
MOST_UTTERANCES = 16
MOST_KEPT = 100  # turns


@frozen(kw_only=True)
class Stages:
    """Ms from the end of speech until each was there; None where it was not, or where another turn had it.

    heard: when the voice's first sample left for the browser.
    """

    provisional: float | None = None  # the words, if he does not go on
    first_token: float | None = None  # of a language model
    first_sentence: float | None = None
    first_audio: float | None = None
    commit: float | None = None  # his turn was judged over
    first_weights: float | None = None
    first_frame: float | None = None
    first_packet: float | None = None
    heard: float | None = None


NAMES = tuple(one.name for one in fields(Stages))


@frozen
class Timed:
    """A turn that was heard. utterance: which it answers. drafted: begun before it was certain."""

    turn: int
    utterance: int
    drafted: bool
    stages: Stages


@define
class _Open:
    times: dict[str, int] = field(factory=dict)  # ns, by stage
    utterance: int = 0  # this and the next are known with the commit
    silent_ns: int | None = None  # the user's last sound
    is_drafted: bool = False
    is_logged: bool = False
    sentences: int = 0
    voice_ms: float = 0.0

    def note(self, stage: str, at_ns: int) -> None:
        self.times.setdefault(stage, at_ns)


class Latency:
    """A fold over the messages of one call; what it finds goes to ``log``."""

    def __init__(self, log: "Log"):
        self._log = log
        self._silent_ns: dict[int, int] = {}  # by utterance: its last sound
        self._provisional_ns: dict[int, int] = {}
        self._open: dict[int, _Open] = {}
        self._dead = 0  # turns up to this one

    def take(self, one: Input) -> None:
        """Takes any message; only its times and sizes are looked at."""
        turn, sent_ns = one.envelope.turn, one.envelope.sent_ns
        match one.message:
            case Speech(state="paused" | "ended", utterance=utterance, at_ns=at_ns):
                _put(self._silent_ns, utterance, at_ns, MOST_UTTERANCES)
            case Transcript(stage="provisional", utterance=utterance):
                _put(self._provisional_ns, utterance, sent_ns, MOST_UTTERANCES)
            case _ if turn <= self._dead:
                pass  # its pictures may still be under way
            case Reply(token_ns=token_ns):
                opened = self._of(turn)
                if token_ns:
                    opened.note("first_token", token_ns)
                opened.note("first_sentence", sent_ns)
                opened.sentences += 1
            case Voice() as voice:
                opened = self._of(turn)
                opened.note("first_audio", sent_ns)
                opened.voice_ms += 1000 * len(one.content) / voice.sample_rate_hz
            case Face(offset_ns=offset_ns) if offset_ns >= 0:
                self._of(turn).note("first_weights", sent_ns)
            case Frame(offset_ns=offset_ns) if offset_ns >= 0:
                self._of(turn).note("first_frame", sent_ns)
            case Packet(offset_ns=offset_ns) if offset_ns >= 0:
                self._of(turn).note("first_packet", sent_ns)
                self._log_once(turn, is_over=False)
            case Turn(state="committed", utterance=utterance):
                self._end(turn - 1)
                self._commit(self._of(turn), utterance, sent_ns)
            case Turn(state="cancelled"):
                self._of(turn)  # a draft may be given up before its first word
                self._end(turn)

    def played(self, turn: int, playout: Playout) -> None:
        """Takes what Playout says of a turn."""
        if turn in self._open:
            if playout.state == "started":
                self._open[turn].note("heard", playout.anchor_ns)
            self._log_once(turn, is_over=playout.state in ("finished", "stopped"))

    def _of(self, turn: int) -> _Open:
        if turn not in self._open:
            _put(self._open, turn, _Open(), MOST_OPEN)
        return self._open[turn]

    def _commit(self, opened: _Open, utterance: int, at_ns: int) -> None:
        if "commit" in opened.times:
            return
        opened.note("commit", at_ns)
        opened.is_drafted = "first_sentence" in opened.times
        opened.utterance = utterance
        opened.silent_ns = self._silent_ns.get(utterance)
        provisional_ns = self._provisional_ns.get(utterance)
        if None not in (provisional_ns, opened.silent_ns) and provisional_ns >= opened.silent_ns:  # of this pause
            opened.note("provisional", provisional_ns)
        self._log.committed(opened.is_drafted)

    def _log_once(self, turn: int, is_over: bool) -> None:
        """Once it is heard and seen; where no picture comes, once it is over."""
        opened = self._open[turn]
        is_complete = "heard" in opened.times and ("first_packet" in opened.times or is_over)
        if opened.is_logged or opened.silent_ns is None or not is_complete:
            return
        opened.is_logged = True
        since = {name: round((at_ns - opened.silent_ns) / MS, 1) for name, at_ns in opened.times.items()}
        self._log.add(Timed(turn, opened.utterance, opened.is_drafted, Stages(**since)))

    def _end(self, last: int) -> None:
        """Turns up to ``last`` are dead; drafts among them were made in vain."""
        self._dead = max(self._dead, last)
        for turn in [number for number in self._open if number <= last]:
            self._log_once(turn, is_over=True)
            opened = self._open.pop(turn)
            if "commit" not in opened.times:
                self._log.thrown_away(opened.sentences, opened.voice_ms)


def _put(memory: dict, key: int, value, most: int) -> None:
    """As the newest; the oldest goes. A restarted actor counts from one again, so that numbers tell no age."""
    memory.pop(key, None)
    memory[key] = value
    while len(memory) > most:
        del memory[next(iter(memory))]


class Log:
    """The latest turns of all calls, and what drafting has cost since the process began."""

    def __init__(self) -> None:
        self._turns: deque[Timed] = deque(maxlen=MOST_KEPT)
        self._drafts: Counter[str] = Counter()
        self._wasted_ms = 0.0

    def add(self, timed: Timed) -> None:
        self._turns.append(timed)

    def committed(self, drafted: bool) -> None:
        self._drafts["drafted" if drafted else "not_drafted"] += 1

    def thrown_away(self, sentences: int, voice_ms: float) -> None:
        self._drafts["thrown_away"] += 1
        self._drafts["wasted_sentences"] += sentences
        self._wasted_ms += voice_ms

    def report(self) -> dict:
        """Numbers only, for JSON: turns, p50 and p95 of each stage in ms, and drafts.

        drafts: turns committed that were drafted and that were not, drafts thrown away, and what was made for those.
        """
        by_stage = {name: [getattr(one.stages, name) for one in self._turns] for name in NAMES}
        names = ("drafted", "not_drafted", "thrown_away", "wasted_sentences")
        return {
            "turns": [
                {"turn": one.turn, "utterance": one.utterance, "drafted": one.drafted, **asdict(one.stages)}
                for one in self._turns
            ],
            "p50": {name: quantile(values, 0.5) for name, values in by_stage.items()},
            "p95": {name: quantile(values, 0.95) for name, values in by_stage.items()},
            "drafts": {**{name: self._drafts[name] for name in names}, "wasted_voice_ms": round(self._wasted_ms)},
        }


def quantile(values: Iterable[float | None], share: float) -> float | None:
    """The smallest value that at least ``share`` of them do not exceed; None where there are none."""
    known = sorted(value for value in values if value is not None)
    return known[math.ceil(share * len(known)) - 1] if known else None
