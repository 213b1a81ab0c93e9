"""How long each stage of a turn took since the user's last sound, read off the messages on the bus."""

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
    """A turn that was heard. drafted: begun before it was certain."""

    turn: int
    drafted: bool
    stages: Stages


@define
class _Open:
    times: dict[str, int] = field(factory=dict)  # ns, by stage
    utterance: int = -1
    sentences: int = 0
    voice_ms: float = 0.0


class Latency:
    """A fold over the messages of one call; what it finds goes to ``log``."""

    def __init__(self, log: "Log"):
        self._log = log
        self._silent_ns: dict[int, int] = {}  # by utterance: its last sound
        self._provisional_ns: dict[int, int] = {}
        self._open: dict[int, _Open] = {}

    def take(self, one: Input) -> None:
        """Takes any message; only its times and sizes are looked at."""
        turn, sent_ns = one.envelope.turn, one.envelope.sent_ns
        match one.message:
            case Speech(state="paused" | "ended", utterance=utterance, at_ns=at_ns):
                _put(self._silent_ns, utterance, at_ns, MOST_UTTERANCES)
            case Transcript(stage="provisional", utterance=utterance):
                _put(self._provisional_ns, utterance, sent_ns, MOST_UTTERANCES)
            case Reply(token_ns=token_ns):
                if token_ns:
                    self._note(turn, "first_token", token_ns)
                self._note(turn, "first_sentence", sent_ns)
                self._open[turn].sentences += 1
            case Voice() as voice:
                self._note(turn, "first_audio", sent_ns)
                self._open[turn].voice_ms += 1000 * len(one.content) / voice.sample_rate_hz
            case Face(offset_ns=offset_ns) if offset_ns >= 0:
                self._note(turn, "first_weights", sent_ns)
            case Frame(offset_ns=offset_ns) if offset_ns >= 0:
                self._note(turn, "first_frame", sent_ns)
            case Packet(offset_ns=offset_ns) if offset_ns >= 0:
                self._note(turn, "first_packet", sent_ns)
            case Turn(state="committed", utterance=utterance):
                self._note(turn, "commit", sent_ns)
                self._open[turn].utterance = utterance
                self._log.committed(self._is_draft(turn))
            case Turn(state="cancelled"):
                self._throw_away(turn)

    def played(self, turn: int, playout: Playout) -> None:
        """Of a turn that begins to be heard, everything is known."""
        if playout.state == "started" and turn in self._open:
            self._note(turn, "heard", playout.anchor_ns)
            opened = self._open[turn]
            silent_ns = self._silent_ns.get(opened.utterance)
            if silent_ns is not None:
                times = {**opened.times, "provisional": self._provisional_ns.get(opened.utterance)}
                since = {name: round((at - silent_ns) / MS, 1) for name, at in times.items() if at is not None}
                self._log.add(Timed(turn, self._is_draft(turn), Stages(**since)))

    def _note(self, turn: int, stage: str, at_ns: int) -> None:
        if turn not in self._open:
            _put(self._open, turn, _Open(), MOST_OPEN)
        self._open[turn].times.setdefault(stage, at_ns)

    def _is_draft(self, turn: int) -> bool:
        times = self._open[turn].times
        return times.get("first_sentence", 1 << 62) < times.get("commit", 1 << 62)

    def _throw_away(self, turn: int) -> None:
        """The turn and those before it are dead; drafts among them were made in vain."""
        for dead in [number for number in self._open if number <= turn]:
            opened = self._open.pop(dead)
            if "commit" not in opened.times:
                self._log.thrown_away(opened.sentences, opened.voice_ms)


def _put(memory: dict, key: int, value, most: int) -> None:
    memory[key] = value
    while len(memory) > most:
        del memory[min(memory)]


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
            "turns": [{"turn": one.turn, "drafted": one.drafted, **asdict(one.stages)} for one in self._turns],
            "p50": {name: quantile(values, 0.5) for name, values in by_stage.items()},
            "p95": {name: quantile(values, 0.95) for name, values in by_stage.items()},
            "drafts": {**{name: self._drafts[name] for name in names}, "wasted_voice_ms": round(self._wasted_ms)},
        }


def quantile(values: Iterable[float | None], share: float) -> float | None:
    """The smallest value that is not below ``share`` of them; None where there are none."""
    known = sorted(value for value in values if value is not None)
    return known[min(len(known) - 1, int(share * len(known)))] if known else None
