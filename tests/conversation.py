"""Conversations in virtual time: a script of what a user does, against the llm's machine.

Vad, stt, tts and transport are played here as they behave (their delays are measured ones), so that half a minute of
conversation takes milliseconds and is always the same.
"""

import heapq
from collections.abc import Callable
from datetime import datetime, timedelta

from actors.llm.actor import Llm
from actors.llm.conversation import Ready
from actors.step import Input, Output
from protocol.clock import SECOND
from protocol.envelope import Envelope
from protocol.messages import Dialogue, Floor, Phones, Playout, Reply, Session, Speech, Transcript, Turn
from protocol.topics import of

START = datetime(2026, 11, 20, 16, 0)
START_S, PAUSE_S, RESUME_S, END_S = 0.13, 0.1, 0.1, 1.63  # until vad is certain: its frames and the microphone's way
WORDS_S = 0.005  # stt, after a pause
VOICE_S = 0.02  # tts, to the first sound
PICTURE_S = 0.03  # from a commit to the first picture
WORD_MS = 300.0  # of the face's voice


def local_time(at_ns: int) -> datetime:
    return START + timedelta(microseconds=at_ns / 1000)


class _Heard:
    """What vad and stt make of somebody who speaks."""

    number = 0
    text = before = ""


class Said(Ready):
    """Knows what it answers."""


class Echo:
    """An engine whose answers are known: every part said back as a sentence, with what it is told to add."""

    def __init__(self, *more: str):
        self.more = more
        self.begun: list[tuple[str, ...]] = []
        self.kept: list[tuple[str, ...]] = []
        self.histories: list[tuple] = []

    def meet(self, user):
        self.user = user

    def resume(self, history, now):
        self.resumed = [one.user for one in history]

    def expect(self):
        pass

    def begin(self, parts, now, history):
        self.begun.append(tuple(parts))
        self.histories.append(tuple((one.user, one.heard(), one.cut) for one in history))
        pending = Said([*(f"You said {part}." for part in parts), *self.more])
        pending.parts = tuple(parts)
        return pending

    def keep(self, pending):
        self.kept.append(pending.parts)


class Talk:
    """``said``: (s, turn, message) of everything that the machine said."""

    def __init__(self, conversation, completeness):
        self.machine = Llm(conversation, completeness, local_time)
        self._completeness = completeness
        self._past: list[Input] = []  # what the bus has of the call
        self.said: list[tuple[float, int, object]] = []
        self.outputs: list[Output] = []
        self.now_s = 0.0
        self._due: list[tuple[float, int, Callable[[], None]]] = []
        self._count = 0
        self._utterance = 0
        self._voices: dict[int, float] = {}  # ms of voice made, by turn
        self._complete: set[int] = set()
        self._playing = 0
        self._speaking_until_s: float | None = None
        self._position_ms, self._held = 0.0, False
        self._committed: set[int] = set()
        self._dead = 0
        self._ended: set[int] = set()
        self._silent = False  # tts makes no voice
        self._away = False  # the llm's process is
        self.words_s = WORDS_S
        self._closed = False
        self.at(0.0, lambda: self.hear(Session(state="open")))

    # ---- the script

    def at(self, s: float, act: Callable[[], None]) -> None:
        self._count += 1
        heapq.heappush(self._due, (s, self._count, act))

    def user_says(self, start_s: float, end_s: float, *words: str, gaps_s: tuple[float, ...] = ()) -> None:
        """The words, with silences of ``gaps_s`` between them; all of them between start and end."""
        length_s = (end_s - start_s - sum(gaps_s)) / len(words)
        heard = _Heard()
        for number, part in enumerate(words):
            stop_s = start_s + length_s
            last = number == len(words) - 1
            self._says(heard, start_s, stop_s, part, number == 0, last)
            start_s = stop_s + (0 if last else gaps_s[number])

    def _says(self, heard: "_Heard", start_s: float, stop_s: float, part: str, first: bool, last: bool) -> None:
        """One stretch without a pause. Where the turn has ended the utterance meanwhile, it begins a new one."""

        def begin() -> None:
            new = first or heard.number in self._ended
            if new:
                self._utterance += 1
                heard.number, heard.text = self._utterance, ""
            heard.before, heard.text = heard.text, f"{heard.text} {part}".strip()
            self._speech("started" if new else "resumed", heard.number, start_s)

        def words(count: int) -> None:
            text = " ".join(part.split()[:count])
            self._words("partial", heard.number, f"{heard.before} {text}".strip())

        def pause() -> None:
            self._speech("paused", heard.number, stop_s)

        begun_s = start_s + (START_S if first else RESUME_S)
        self.at(begun_s, begin)
        count = len(part.split())
        for number in range(1, count + 1):
            words_s = start_s + (stop_s - start_s) * number / count + 0.05
            if begun_s < words_s < stop_s + PAUSE_S:
                self.at(words_s, lambda number=number: words(number))
        self.at(stop_s + PAUSE_S, pause)
        self.at(stop_s + PAUSE_S + self.words_s, lambda: self._words("provisional", heard.number, heard.text))
        if last:
            self.at(stop_s + END_S, lambda: self._end(heard.number, stop_s, heard.text))

    def _speech(self, state: str, utterance: int, at_s: float) -> None:
        if utterance not in self._ended:
            self.hear(Speech(state=state, utterance=utterance, at_sample=0, at_ns=int(at_s * SECOND)))

    def _words(self, stage: str, utterance: int, text: str) -> None:
        if utterance not in self._ended:
            self.hear(Transcript(utterance=utterance, stage=stage, text=text))

    def _end(self, utterance: int, at_s: float, text: str) -> None:
        if utterance not in self._ended:
            self._ended.add(utterance)
            self.hear(Speech(state="ended", utterance=utterance, at_sample=0, at_ns=int(at_s * SECOND)))
            self.hear(Transcript(utterance=utterance, stage="final", text=text))

    def run(self, until_s: float) -> "Talk":
        while True:
            wake = None if self._away else self.machine.wake_ns
            wake_s = float("inf") if wake is None else max(self.now_s, wake / SECOND)
            due_s = self._due[0][0] if self._due else float("inf")
            if min(wake_s, due_s) > until_s:
                self.now_s = until_s
                return self
            if due_s <= wake_s:
                self.now_s, _, act = heapq.heappop(self._due)
                act()
            else:
                self.now_s = wake_s
                self._step([])

    # ---- the other actors

    def hear(self, message, turn: int = 0) -> None:
        if self._closed:
            return
        self._closed = isinstance(message, Session) and message.state == "closed"
        topic = of(message)
        self._count += 1
        envelope = Envelope(
            topic=topic.name, actor=topic.owner, session="s", turn=turn, boot=1, seq=self._count, sent_ns=self._ns()
        )
        self._past.append(Input(envelope, message))
        self._step([Input(envelope, message)])

    def restart(self, s: float, conversation, away_s: float = 0.5) -> None:
        """The llm's process is killed at ``s``; the next one hears what the bus has, and goes on."""
        self.at(s, lambda: setattr(self, "_away", True))

        def come_back() -> None:
            self._away = False
            self.machine = Llm(conversation, self._completeness, local_time)
            self._step(list(self._past))

        self.at(s + away_s, come_back)

    def _ns(self) -> int:
        return int(round(self.now_s * SECOND))

    def _step(self, inputs: list[Input]) -> None:
        if self._away:
            return
        for output in list(self.machine.step(inputs, self._ns())):
            self.outputs.append(output)
            self._count += 1
            topic = of(output.message)
            envelope = Envelope(
                topic=topic.name,
                actor="llm",
                session="s",
                turn=output.turn,
                boot=1,
                seq=self._count,
                sent_ns=self._ns(),
            )
            self._past.append(Input(envelope, output.message))
            self.said.append((round(self.now_s, 3), output.turn, output.message))
            self._take(output.turn, output.message)

    def _take(self, turn: int, message) -> None:
        match message:
            case Reply() if not self._silent:
                self.at(self.now_s + VOICE_S, lambda: self._speak(turn, message))
            case Turn(state="committed", utterance=u):
                self._committed.add(turn)
                if u not in self._ended:
                    self._ended.add(u)
                    text = self.machine.history[-1].parts[-1]
                    self.at(self.now_s + 0.002, lambda: self._finish(u, text))
                self.at(self.now_s + PICTURE_S, self._play)
            case Turn(state="cancelled"):
                self._dead = max(self._dead, turn)
                if 0 < self._playing <= turn:
                    self._stop("stopped")
            case Floor(state="yielded") if turn == self._playing:
                self._advance()
                self._held = True
                self.at(self.now_s, lambda: self.hear(self._playout("held"), turn))
            case Floor(state="taken", from_ms=from_ms) if turn == self._playing:
                self._position_ms, self._held, self._since_s = from_ms, False, self.now_s
                self._tick()

    def _finish(self, u: int, text: str) -> None:
        self.hear(Speech(state="ended", utterance=u, at_sample=0, at_ns=self._ns()))
        self.hear(Transcript(utterance=u, stage="final", text=text))

    def _speak(self, turn: int, reply: Reply) -> None:
        if turn <= self._dead:
            return
        start = self._voices.get(turn, 0.0)
        words = reply.text.split()
        ends = tuple(start + WORD_MS * (number + 1) for number in range(len(words))) or (start + 20,)
        self._voices[turn] = ends[-1]
        if reply.last:
            self._complete.add(turn)
        starts = tuple(end - WORD_MS for end in ends)
        phones = Phones(
            sentence=reply.sentence, start_ms=start, names=("ah",) * len(ends), ends_ms=ends, words=tuple(words),
            word_starts_ms=starts[: len(words)], word_ends_ms=ends[: len(words)], last=reply.last,
        )  # fmt: skip
        self.hear(phones, turn)
        self._play()

    def _play(self) -> None:
        for turn in sorted(self._voices):
            if turn in self._committed and turn > self._dead and not self._playing:
                self._playing, self._position_ms, self._held = turn, 0.0, False
                self._since_s = self.now_s
                self.hear(self._playout("started"), turn)
                self._tick()

    def _advance(self) -> None:
        if not self._held:
            self._position_ms += (self.now_s - self._since_s) * 1000
            self._since_s = self.now_s

    def _tick(self) -> None:
        turn = self._playing

        def tick() -> None:
            if self._playing != turn or self._held:
                return
            self._advance()
            if self._position_ms >= self._voices[turn] - 1 and turn in self._complete:
                return self._stop("finished")
            self.hear(self._playout("playing"), turn)
            self.at(self.now_s + 0.1, tick)

        self.at(self.now_s + 0.1, tick)

    def _stop(self, state: str) -> None:
        turn = self._playing
        self._advance()
        self._dead = max(self._dead, turn)
        self._playing = 0
        self.at(self.now_s, lambda: self.hear(self._playout(state), turn))

    def _playout(self, state: str) -> Playout:
        return Playout(state=state, anchor_ns=0, heard_ms=self._position_ms)

    # ---- what came of it

    def states(self) -> list[tuple[float, str]]:
        return [(s, message.state) for s, _, message in self.said if isinstance(message, Dialogue)]

    def turns(self) -> list[tuple[float, int, str]]:
        return [(s, turn, message.state) for s, turn, message in self.said if isinstance(message, Turn)]

    def floor(self) -> list[tuple[float, str]]:
        return [(s, message.state) for s, _, message in self.said if isinstance(message, Floor)]

    def committed(self) -> list[float]:
        return [s for s, _, state in self.turns() if state == "committed"]

    def answers(self) -> list[str]:
        """The texts of the committed turns."""
        return [
            " ".join(m.text for _, t, m in self.said if isinstance(m, Reply) and t == turn)
            for _, turn, state in self.turns()
            if state == "committed"
        ]
