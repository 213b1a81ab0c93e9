"""Conversations in virtual time: what the llm actor says, for which turn, and when."""

from datetime import datetime, timedelta

import pytest
from attrs import define, field

from actors.llm.actor import PATIENCE_NS, Llm
from actors.llm.scripted import Answer, Scripted
from actors.persona import DEFAULT_PERSONA
from actors.step import Input, Output
from protocol.clock import MS, SECOND
from protocol.envelope import Envelope
from protocol.messages import Dialogue, Playout, Reply, Session, Speech, Transcript, Turn
from protocol.topics import of

START = datetime(2026, 11, 20, 16, 0)


class Echo:
    """A conversation whose answers are known: one sentence for each word; silent on "uh"."""

    def answer(self, text: str, now: datetime) -> Answer:
        words = () if text in ("", "uh") else text.split()
        return Answer(tuple(f"{word}." for word in words), "amused", group="echo")


@define
class Call:
    """A script: each line is a moment in ms, what is heard then, and everything that is said because of it."""

    machine: Llm
    said: list[tuple[float, int, object]] = field(factory=list)  # ms, turn, message
    outputs: list[Output] = field(factory=list)
    seq: int = 0

    def hears(self, at_ms: float, message, turn: int = 0) -> list[tuple[int, object]]:
        self.seq += 1
        topic = of(message)
        envelope = Envelope(
            topic=topic.name, actor=topic.owner, session="s", turn=turn, boot=1, seq=self.seq, sent_ns=int(at_ms * MS)
        )
        return self._step(at_ms, [Input(envelope, message)])

    def wakes(self) -> tuple[float, list[tuple[int, object]]]:
        at_ms = self.machine.wake_ns / MS
        return at_ms, self._step(at_ms, [])

    def _step(self, at_ms: float, inputs: list[Input]) -> list[tuple[int, object]]:
        outputs = list(self.machine.step(inputs, int(at_ms * MS)))
        for output in outputs:
            assert [output.cause] == (inputs or [None])
        self.outputs += outputs
        self.said += [(at_ms, output.turn, output.message) for output in outputs]
        return [(output.turn, output.message) for output in outputs]

    def states(self) -> list[tuple[float, str]]:
        return [(at, message.state) for at, _, message in self.said if isinstance(message, Dialogue)]

    # what a user and the other actors do
    def speech(self, at_ms: float, state: str, utterance: int = 1):
        return self.hears(at_ms, Speech(state=state, utterance=utterance, at_sample=0, at_ns=0))

    def transcript(self, at_ms: float, stage: str, text: str, utterance: int = 1):
        return self.hears(at_ms, Transcript(utterance=utterance, stage=stage, text=text))

    def playout(self, at_ms: float, state: str, turn: int, heard_ms: float = 0):
        return self.hears(at_ms, Playout(state=state, anchor_ns=0, heard_ms=heard_ms), turn)

    def user_says(self, start_ms: float, end_ms: float, text: str, utterance: int = 1):
        """Ends in a final transcript 300 ms after the last word."""
        self.speech(start_ms, "started", utterance)
        self.speech(end_ms + 250, "ended", utterance)
        return self.transcript(end_ms + 300, "final", text, utterance)


def local_time(at_ns: int) -> datetime:
    return START + timedelta(microseconds=at_ns / 1000)


@pytest.fixture
def call() -> Call:
    call = Call(Llm(Echo(), local_time))
    assert call.hears(0, Session(state="open")) == [(0, Dialogue(state="idle"))]
    return call


def replies(turn: int, *words: str) -> list[tuple[int, Reply]]:
    last = len(words) - 1
    return [
        (turn, Reply(sentence=number, text=f"{word}.", last=number == last, mood="amused"))
        for number, word in enumerate(words)
    ]


def test_a_turn_goes_from_listening_to_thinking_to_speaking_to_idle(call):
    assert call.speech(500, "started") == [(0, Dialogue(state="listening"))]
    assert call.transcript(900, "partial", "good") == []
    assert call.speech(1400, "paused") == []
    assert call.transcript(1450, "provisional", "good morning") == []
    assert call.speech(1650, "ended") == [(0, Dialogue(state="thinking"))]
    assert call.transcript(1700, "final", "good morning") == [
        (1, Turn(state="committed", utterance=1)),
        *replies(1, "good", "morning"),
    ]
    assert call.playout(1900, "started", 1) == [(1, Dialogue(state="speaking"))]
    assert call.playout(2000, "playing", 1, heard_ms=100) == []
    assert call.playout(3100, "finished", 1, heard_ms=1180.5) == [(1, Dialogue(state="idle"))]
    assert [(one.user, one.heard_ms, one.cut) for one in call.machine.history] == [("good morning", 1180.5, False)]


def test_turns_grow_from_the_highest_number_ever_heard(call):
    assert call.user_says(0, 800, "one")[0] == (1, Turn(state="committed", utterance=1))
    call.playout(1300, "started", 1)
    call.playout(2000, "finished", 1, 700)
    assert call.user_says(3000, 4000, "two", 2)[0] == (2, Turn(state="committed", utterance=2))
    call.playout(4500, "finished", turn=41)  # of a life before this one
    assert call.user_says(6000, 7000, "three", 3)[:2] == [
        (2, Turn(state="cancelled", utterance=2, reason="interrupted")),
        (42, Turn(state="committed", utterance=3)),
    ]


def test_a_restarted_machine_does_not_count_from_one_again():
    call = Call(Llm(Echo(), local_time))
    call.hears(0, Session(state="open"))
    call.playout(10, "playing", turn=7, heard_ms=20)
    assert call.user_says(500, 1000, "hello")[0] == (8, Turn(state="committed", utterance=1))


def test_an_interruption_cancels_at_the_first_two_words_and_the_final_transcript_is_answered(call):
    call.user_says(0, 1000, "tell me a long story")
    call.playout(1500, "started", 1)
    assert call.speech(2000, "started", 2) == []  # a cough would do the same
    assert call.transcript(2200, "partial", "no", 2) == []
    assert call.playout(2300, "playing", 1, 800) == []
    assert call.transcript(2400, "partial", "no wait", 2) == [
        (1, Turn(state="cancelled", utterance=1, reason="interrupted")),
        (1, Dialogue(state="listening")),
    ]
    assert call.transcript(2500, "partial", "no wait please", 2) == []
    assert call.playout(2520, "stopped", 1, 1010) == []
    assert call.speech(3000, "ended", 2) == [(1, Dialogue(state="thinking"))]
    assert call.transcript(3050, "final", "no wait please", 2) == [
        (2, Turn(state="committed", utterance=2)),
        *replies(2, "no", "wait", "please"),
    ]
    assert [(one.turn, one.heard_ms, one.cut) for one in call.machine.history] == [(1, 1010, True), (2, 0, False)]


@pytest.mark.parametrize(
    "text, interrupts", [("stop", True), ("oh no", False), ("mhm", False), ("yes", False), ("uh um", False)]
)
def test_small_words_do_not_interrupt(call, text, interrupts):
    call.user_says(0, 1000, "tell me a story")
    call.playout(1500, "started", 1)
    call.speech(2000, "started", 2)
    cancelled = [message for _, message in call.transcript(2200, "partial", text, 2) if isinstance(message, Turn)]
    assert [turn.state for turn in cancelled] == ["cancelled"] * interrupts


def test_a_small_word_while_it_speaks_is_not_answered(call):
    call.user_says(0, 1000, "tell me a story")
    call.playout(1500, "started", 1)
    assert call.user_says(2000, 2200, "yes", 2) == []
    assert call.playout(4000, "finished", 1, 2500) == [(1, Dialogue(state="idle"))]
    assert call.user_says(5000, 5200, "yes", 3)[0] == (2, Turn(state="committed", utterance=3))


def test_a_final_transcript_alone_interrupts_too(call):
    call.user_says(0, 1000, "first question")
    call.playout(1500, "started", 1)
    assert call.transcript(2000, "final", "second question", 2) == [
        (1, Turn(state="cancelled", utterance=1, reason="interrupted")),
        (2, Turn(state="committed", utterance=2)),
        (2, Dialogue(state="thinking")),
        *replies(2, "second", "question"),
    ]


def test_more_words_before_the_voice_starts_replace_the_reply(call):
    call.user_says(0, 1000, "what is")
    assert call.speech(1350, "started", 2) == []
    assert call.transcript(1600, "partial", "your name", 2)[0] == (
        1,
        Turn(state="cancelled", utterance=1, reason="interrupted"),
    )
    assert call.transcript(2000, "final", "your name", 2)[0] == (2, Turn(state="committed", utterance=2))


def test_noise_is_not_answered_and_the_face_rests_again(call):
    assert call.user_says(0, 300, "uh") == [(0, Dialogue(state="idle"))]
    assert call.states() == [(0, "idle"), (0, "listening"), (550, "thinking"), (600, "idle")]
    assert not call.machine.history


def test_a_final_transcript_before_the_end_of_speech_leaves_no_face_thinking(call):
    call.speech(0, "started")
    assert call.transcript(300, "final", "uh") == []
    assert call.speech(400, "ended") == [(0, Dialogue(state="idle"))]
    assert call.machine.wake_ns is None


def test_it_listens_after_its_reply_where_the_user_is_already_speaking(call):
    call.user_says(0, 1000, "hello")
    call.playout(1500, "started", 1)
    call.speech(2000, "started", 2)
    assert call.playout(2100, "finished", 1, 600) == [(1, Dialogue(state="listening"))]


def test_thinking_ends_where_no_transcript_comes(call):
    call.speech(0, "started")
    call.speech(1000, "ended")
    assert call.machine.wake_ns == SECOND + PATIENCE_NS
    assert call.wakes() == (9000, [(0, Dialogue(state="idle"))])
    assert call.machine.wake_ns is None


def test_a_reply_without_a_voice_is_given_up(call):
    call.user_says(0, 1000, "hello")
    at_ms, said = call.wakes()
    assert at_ms == 9250  # from the end of speech, when the face began to think
    assert said == [(1, Turn(state="cancelled", utterance=1, reason="no voice came")), (1, Dialogue(state="idle"))]
    assert call.playout(9300, "started", 1) == []


def test_playout_of_a_dead_turn_changes_nothing(call):
    call.user_says(0, 1000, "one two")
    call.playout(1500, "started", 1)
    call.transcript(1600, "final", "three four", 2)
    assert call.playout(1650, "stopped", 1, 130) == []
    assert call.playout(1900, "started", 2) == [(2, Dialogue(state="speaking"))]
    assert [one.heard_ms for one in call.machine.history] == [130, 0]


def test_the_end_of_the_call_cancels_the_turn(call):
    call.user_says(0, 1000, "hello")
    call.playout(1500, "started", 1)
    assert call.hears(1600, Session(state="closed", reason="hung up")) == [
        (1, Turn(state="cancelled", utterance=1, reason="call ended")),
        (1, Dialogue(state="idle")),
    ]


def test_the_shipped_persona_answers_in_a_call_with_the_local_time():
    engine = Scripted(DEFAULT_PERSONA)
    engine.load()
    call = Call(Llm(engine.open("s"), local_time))
    call.hears(0, Session(state="open"))
    said = call.user_says(20 * 60_000, 20 * 60_000 + 900, "what time is it")
    assert "four twenty" in " ".join(message.text for _, message in said if isinstance(message, Reply))
    call.playout(20 * 60_000 + 1500, "finished", 1, 2000)
    said = call.user_says(25 * 60_000, 25 * 60_000 + 900, "are you real", 2)
    sentences = [message for _, message in said if isinstance(message, Reply)]
    assert [one.sentence for one in sentences] == list(range(len(sentences)))
    assert [one.last for one in sentences] == [False] * (len(sentences) - 1) + [True]
    assert {one.mood for one in sentences} == {"amused"}
