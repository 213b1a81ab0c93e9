"""The voice's machine, in virtual time: with an engine that follows a script, and with flite."""

from itertools import groupby

import numpy as np
import pytest

from actors.step import Input
from actors.tts.actor import Tts
from actors.tts.flite import Flite
from actors.tts.timing import Timing
from protocol.envelope import Envelope
from protocol.messages import Phones, Reply, Turn, Voice

MISSING = Flite().missing()
MS = 1_000_000


class Script:
    """Says every word as a phone of 40 ms at 16 kHz in blocks of 20 ms, whose samples are the word's number."""

    name = "script"
    sample_rate_hz = 16000

    def __init__(self):
        self.said = []
        self.closed = 0

    def speak(self, text):
        self.said.append(text)
        words = text.split()
        ends = tuple(40.0 * (i + 1) for i in range(len(words)))
        try:
            yield Timing(
                samples=640 * len(words),
                names=("ah",) * len(words),
                ends_ms=ends,
                words=tuple(words),
                word_starts_ms=(0.0, *ends[:-1]),
                word_ends_ms=ends,
            )
            for i in range(2 * len(words)):
                yield np.full(320, i // 2, np.int16)
        finally:
            self.closed += 1


class Talk:
    """A machine under test: hears, is stepped as long as it wants to be, and what it said is kept."""

    def __init__(self, engine):
        self.machine = Tts(engine)
        self.now_ns = 0
        self.heard = 0
        self.outputs = []

    def hear(self, message, turn=1):
        self.heard += 1
        topic = type(message).__name__.lower()
        envelope = Envelope(topic=topic, actor="llm", session="s", turn=turn, boot=1, seq=self.heard, sent_ns=0)
        return Input(envelope, message)

    def step(self, *inputs):
        made = list(self.machine.step(inputs, self.now_ns))
        self.outputs += made
        return made

    def run(self, *inputs):
        """Hears them in one step and lets the machine finish; gives the messages."""
        made = self.step(*inputs)
        while self.machine.wake_ns is not None:
            assert self.machine.wake_ns <= self.now_ns
            self.now_ns += MS
            made += self.step()
        return made

    def say(self, *texts, turn=1, first=0, **more):
        last = len(texts) - 1
        return self.run(
            *(self.hear(Reply(sentence=first + i, text=t, last=i == last, **more), turn) for i, t in enumerate(texts))
        )


@pytest.fixture
def talk():
    return Talk(Script())


@pytest.fixture(scope="module")
def flite():
    if MISSING:
        pytest.skip(MISSING)
    engine = Flite()
    engine.load()
    yield engine
    engine.close()


def of(kind, outputs):
    return [output.message for output in outputs if isinstance(output.message, kind)]


def assert_one_timeline(outputs):
    """Sound without a gap from sample 0, told of before it comes; the end is marked once, at the end."""
    end = told_ms = 0
    for output in outputs:
        match output.message:
            case Phones() as phones:
                assert phones.start_ms == pytest.approx(end / 16) and told_ms == pytest.approx(phones.start_ms, abs=0.1)
                told_ms = phones.ends_ms[-1]
            case Voice() as voice:
                assert voice.start_sample == end and output.content.dtype == np.int16
                end += len(output.content)
                assert end / 16 <= told_ms + 0.1
    assert told_ms == pytest.approx(end / 16, abs=0.1)
    for kind in (Phones, Voice):
        lasts = [message.last for message in of(kind, outputs)]
        assert lasts == [False] * (len(lasts) - 1) + [True]


def test_sentences_follow_each_other_on_one_timeline(talk):
    outputs = talk.say("one two", "three", "four five six")
    assert_one_timeline(outputs)
    assert talk.machine._engine.said == ["one two", "three", "four five six"]
    assert [p.start_ms for p in of(Phones, outputs)] == [0, 80, 120]
    assert [p.sentence for p in of(Phones, outputs)] == [0, 1, 2]
    assert of(Phones, outputs)[1].words == ("three",)
    assert of(Phones, outputs)[1].word_starts_ms == (80,) and of(Phones, outputs)[1].word_ends_ms == (120,)
    assert [(v.sentence, v.start_sample) for v in of(Voice, outputs)][:6] == [
        (0, 0), (0, 320), (0, 640), (0, 960), (1, 1280), (1, 1600)
    ]  # fmt: skip


def test_a_sentences_phones_come_right_before_its_first_sound(talk):
    kinds = [type(output.message) for output in talk.say("one", "two")]
    assert [kind for kind, _ in groupby(kinds)] == [Phones, Voice, Phones, Voice]


def test_each_output_names_its_own_sentence_as_cause_and_carries_its_mood(talk):
    happy = talk.hear(Reply(sentence=0, text="one", mood="happy"), 3)
    sad = talk.hear(Reply(sentence=1, text="two", mood="sad", last=True), 3)
    outputs = talk.run(happy, sad)
    assert [p.mood for p in of(Phones, outputs)] == ["happy", "sad"]
    for output in outputs:
        assert output.cause is (happy, sad)[output.message.sentence] and output.turn is None


def test_sentences_out_of_order_and_twice_are_spoken_in_order_and_once(talk):
    replies = [talk.hear(Reply(sentence=i, text=f"word {i}", last=i == 3)) for i in range(4)]
    outputs = talk.run(replies[2], replies[0]) + talk.run(replies[2], replies[0]) + talk.run(replies[3])
    assert talk.machine._engine.said == ["word 0"]
    outputs += talk.run(replies[1], replies[1], replies[3])
    assert talk.machine._engine.said == ["word 0", "word 1", "word 2", "word 3"]
    assert_one_timeline(outputs)


def test_a_step_gives_one_block_of_sound_and_asks_to_be_woken_at_once(talk):
    reply = talk.hear(Reply(sentence=0, text="one two", last=True))
    assert [type(output.message) for output in talk.step(reply)] == [Phones, Voice]
    for _ in range(3):
        assert talk.machine.wake_ns == talk.now_ns
        assert [type(output.message) for output in talk.step()] == [Voice]
    assert talk.step() == [] and talk.machine.wake_ns is None


def test_outputs_come_before_the_step_is_over(talk):
    step = iter(talk.machine.step([talk.hear(Reply(sentence=0, text="one"))], 0))
    assert isinstance(next(step).message, Phones)
    assert isinstance(next(step).message, Voice)


@pytest.mark.parametrize("killer", ["cancelled", "committed after it"])
def test_a_dead_turn_falls_silent_at_the_next_step_and_its_engine_is_stopped(talk, killer):
    talk.step(talk.hear(Reply(sentence=0, text="one two three"), 5), talk.hear(Reply(sentence=1, text="four"), 5))
    talk.step()
    turn = Turn(state="cancelled") if killer == "cancelled" else Turn(state="committed")
    assert talk.run(talk.hear(turn, 5 if killer == "cancelled" else 6)) == []
    assert talk.machine._engine.closed == 1 and talk.machine._engine.said == ["one two three"]
    assert talk.run(talk.hear(Reply(sentence=0, text="late"), 5)) == []
    assert talk.run(talk.hear(Reply(sentence=0, text="late"), 4)) == []


def test_a_turn_that_is_committed_goes_on(talk):
    talk.step(talk.hear(Reply(sentence=0, text="one two", last=True), 5))
    talk.run(talk.hear(Turn(state="committed"), 5))
    assert_one_timeline(talk.outputs)


def test_a_cancelled_older_turn_does_not_touch_the_new_one(talk):
    talk.step(talk.hear(Reply(sentence=0, text="one two", last=True), 5))
    talk.run(talk.hear(Turn(state="cancelled"), 4))
    assert_one_timeline(talk.outputs)


def test_a_new_turn_begins_a_new_timeline_at_its_sentence_0(talk):
    talk.step(talk.hear(Reply(sentence=0, text="one two three"), 1))
    assert_one_timeline(talk.say("four", "five", turn=2))
    assert talk.machine._engine.said == ["one two three", "four", "five"]


def test_a_turn_after_a_cancelled_one_is_spoken(talk):
    talk.run(talk.hear(Turn(state="cancelled"), 7))
    assert_one_timeline(talk.say("four", turn=8))


@pytest.mark.parametrize("texts", [("",), ("one", ""), ("one", "...", "😀")])
def test_a_reply_whose_last_sentence_is_empty_ends_in_a_short_silence(talk, texts):
    outputs = talk.say(*texts)
    assert_one_timeline(outputs)
    assert outputs[-1].message.sentence == len(texts) - 1
    assert not outputs[-1].content.any() and len(outputs[-1].content) == 320
    assert of(Phones, outputs)[-1].names == ("pau",)


def test_an_empty_sentence_that_is_not_the_last_says_nothing(talk):
    outputs = talk.run(talk.hear(Reply(sentence=0, text=" 😀 ")))
    assert outputs == [] and talk.machine.wake_ns is None
    assert_one_timeline(talk.say("one", first=1))


def test_a_long_text_is_spoken_in_clauses_with_phones_of_their_own(talk):
    text = "This is a rather long part of it, " * 110
    outputs = talk.say(text, "and the end")
    assert_one_timeline(outputs)
    phones = of(Phones, outputs)
    assert len(phones) > 30 and {p.sentence for p in phones[:-1]} == {0}
    assert sum(len(p.words) for p in phones[:-1]) == len(text.split())


def test_what_is_spoken_is_normalised(talk):
    talk.say("**Hi** 😀, it’s 20 °C")
    assert talk.machine._engine.said == ["Hi, it's 20 degrees Celsius"]


def test_doubtful_input_gives_doubtful_output(talk):
    envelope = Envelope(topic="reply", actor="llm", session="s", turn=1, boot=1, seq=1, sent_ns=0, valid=False)
    outputs = talk.run(Input(envelope, Reply(sentence=0, text="one", last=True)))
    assert outputs and not any(output.valid for output in outputs)


def test_flite_speaks_a_whole_reply_on_one_timeline(flite):
    outputs = Talk(flite).say("Hello!", "It costs $5.99, or so I've heard.", "Dr. Smith: 3.5 kg of naïve cafés?", "")
    assert_one_timeline(outputs)
    words = [word for phones in of(Phones, outputs) for word in phones.words]
    assert words[:6] == ["hello", "it", "costs", "five", "dollars", "ninety"]
    assert of(Voice, outputs)[-1].sentence == 3


def test_flite_says_a_reply_the_same_way_again(flite):
    def sounds():
        return b"".join(
            o.content.tobytes() for o in Talk(flite).say("One thing.", "And another.") if o.content is not None
        )

    assert sounds() == sounds()


def test_flite_goes_from_a_cancelled_turn_to_the_next(flite):
    talk = Talk(flite)
    talk.step(talk.hear(Reply(sentence=0, text="A long sentence that will be cut off very soon, in the middle."), 1))
    talk.step(talk.hear(Turn(state="cancelled"), 1))
    assert talk.machine.wake_ns is None
    outputs = talk.say("Yes?", turn=2)
    assert_one_timeline(outputs)
    assert of(Phones, outputs)[0].words == ("yes",)


def test_two_calls_of_one_flite_take_turns_without_mixing(flite):
    alone = Talk(flite).say("The first call says this.")
    one, two = Talk(flite), Talk(flite)
    one.step(one.hear(Reply(sentence=0, text="The first call says this.", last=True)))
    two.step(two.hear(Reply(sentence=0, text="And the second that.", last=True)))
    while one.machine.wake_ns is not None or two.machine.wake_ns is not None:
        one.step(), two.step()
    for talk in (one, two):
        assert_one_timeline(talk.outputs)
    assert [o.content.tobytes() for o in one.outputs if o.content is not None] == [
        o.content.tobytes() for o in alone if o.content is not None
    ]


@pytest.mark.parametrize("text", ["a" * 4000, "9" * 4000, "a b " * 1000, "!?" * 2000, "😀" * 4000, "%n$1" * 1000])
def test_flite_speaks_hostile_text_of_full_length_or_is_silent(flite, text):
    talk = Talk(flite)
    talk.step(talk.hear(Reply(sentence=0, text=text, last=True)))
    for _ in range(200):
        talk.step()
    end = sum(len(output.content) for output in talk.outputs if output.content is not None)
    assert end >= 320 and all(len(p.names) < 4000 for p in of(Phones, talk.outputs))
