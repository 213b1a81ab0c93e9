"""An actor that was killed, at any moment, goes on as if nothing had been: it hears again what the bus has of the call.

In virtual time: its successor's first step is what it heard and said until then, and what follows is the same.
"""

import numpy as np
import pytest
from attrs import evolve

from actors.llm.actor import UNSEEN_TURNS
from actors.llm.script import Script
from actors.llm.scripted import Conversation
from actors.persona import DEFAULT_PERSONA, load_persona
from actors.step import Input
from actors.stt.actor import Stt
from actors.tts.actor import Tts
from actors.vad.actor import Vad
from actors.vad.silero import Silero
from protocol.clock import MS
from protocol.envelope import Envelope
from protocol.messages import Phones, Reply, Speech, Transcript, Turn, Voice
from protocol.topics import of
from shm.handle import Handle
from tests.conversation import Echo, Talk
from tests.microphone import blocks, in_a_room, spoken
from tests.test_stt import Tape
from tests.test_tts import Script as SpeakingScript


def as_input(output, sent_ns: int, actor: str) -> Input:
    """What was said, as it comes back from the bus: without its content."""
    message, turn = output.message, output.turn
    if output.content is not None:
        handle = Handle("/proc/1/fd/1", 1, 0, 1, output.content.shape, output.content.dtype.name)
        message = evolve(message, handle=handle)
    if turn is None:
        turn = output.cause.envelope.turn if output.cause else 0
    topic = of(message).name
    return Input(Envelope(topic=topic, actor=actor, session="s", turn=turn, boot=1, seq=1, sent_ns=sent_ns), message)


class Process:
    """Runs a machine over inputs, each at its time, and what it asks to be woken for; killed, it is another's past."""

    def __init__(self, actor, machine):
        self.actor, self.machine = actor, machine
        self.past: list[Input] = []
        self.said = []

    def _step(self, inputs, now_ns):
        for output in self.machine.step(inputs, now_ns):
            self.said.append(output)
            self.past.append(as_input(output, now_ns, self.actor))

    def hear(self, one: Input):
        while self.machine.wake_ns is not None and self.machine.wake_ns < one.envelope.sent_ns:
            self._step([], self.machine.wake_ns)
        self.past.append(one)
        self._step([one], one.envelope.sent_ns)

    def killed(self, machine, now_ns):
        """Another machine in its place."""
        self.machine = machine
        self._step(list(self.past), now_ns)


@pytest.fixture(scope="module")
def silero():
    engine = Silero()
    engine.load()
    return engine


@pytest.fixture(scope="module")
def sound():
    words = [spoken("what is your name"), np.zeros(9600, np.int16), spoken("tell me a joke")]
    return blocks(in_a_room(np.concatenate(words), after_s=2.5))


def test_vad_says_the_same_of_the_same_sound_wherever_it_was_killed(silero, sound):
    def facts(process):
        return [(one.message.state, one.message.utterance, one.message.at_sample) for one in process.said]

    whole = Process("vad", Vad(silero.open()))
    for one in sound:
        whole.hear(one)
    states = [state for state, _, _ in facts(whole)]
    assert states[:3] == ["started", "paused", "resumed"] and states[-2:] == ["paused", "ended"]
    for cut in range(5, len(sound), 12):
        process = Process("vad", Vad(silero.open()))
        for one in sound[:cut]:
            process.hear(one)
        process.killed(Vad(silero.open()), sound[cut - 1].envelope.sent_ns)
        for one in sound[cut:]:
            process.hear(one)
        assert facts(process) == facts(whole), cut


def test_vad_that_remembers_more_than_the_microphone_was_kept_for_goes_on(silero, sound):
    process = Process("vad", Vad(silero.open()))
    for one in sound:
        process.hear(one)
    committed = Input(
        evolve(sound[-1].envelope, topic="turn", actor="llm", turn=1), Turn(state="committed", utterance=1)
    )
    process.past = [one for one in process.past if isinstance(one.message, Speech)][:-1] + [committed]
    process.said.clear()
    process.killed(Vad(silero.open()), sound[-1].envelope.sent_ns)
    assert [one.message.state for one in process.said] == ["ended"]


def test_stt_hears_every_sample_of_an_utterance_in_which_it_was_killed_and_none_of_those_before(silero, sound):
    vad = Process("vad", Vad(silero.open()))
    for one in sound:
        vad.hear(one)
    heard = [one for one in vad.past]

    def finals(process):
        return [one.message.text for one in process.said if one.message.stage == "final"]

    whole = Process("stt", Stt(Tape()))
    for one in heard:
        whole.hear(one)
    assert len(finals(whole)) == 1
    for cut in range(5, len(heard), 20):
        process = Process("stt", Stt(Tape()))
        for one in heard[:cut]:
            process.hear(one)
        tape, was_over = Tape(), bool(finals(process))
        process.killed(Stt(tape), heard[cut - 1].envelope.sent_ns)
        for one in heard[cut:]:
            process.hear(one)
        assert finals(process) == finals(whole), cut
        assert len(tape.utterances) == (len(finals(process)) and not was_over), cut


def test_stt_says_nothing_of_utterances_whose_words_were_so_many_that_the_bus_forgot_them(silero, sound):
    vad = Process("vad", Vad(silero.open()))
    for one in sound:
        vad.hear(one)
    process = Process("stt", Stt(Tape()))
    last = vad.past[-1]
    after_ns, after = last.envelope.sent_ns + MS, max(one.message.start_sample for one in sound) + len(sound[0].content)
    for number in range(3):
        for one in vad.past:
            message = one.message
            if isinstance(message, Speech):
                at = message.at_sample + number * after
                message = evolve(message, utterance=number + 1, at_sample=at)
            else:
                message = evolve(message, start_sample=message.start_sample + number * after)
            sent_ns = one.envelope.sent_ns + number * after_ns
            process.hear(evolve(one, envelope=evolve(one.envelope, sent_ns=sent_ns), message=message))
    assert [one.message.utterance for one in process.said if one.message.stage == "final"] == [1, 2, 3]
    said = [one for one in process.past if isinstance(one.message, Transcript)]
    for kept in (1, 3, len(said) // 2):
        process.past = [one for one in process.past if one not in said[:-kept]]
        process.said.clear()
        tape = Tape()
        process.killed(Stt(tape), 3 * after_ns)
        assert not process.said and not tape.utterances


def test_tts_goes_on_with_the_next_block_wherever_it_was_killed_and_speaks_no_clause_twice():
    texts = ["one two three", "four five", "six seven eight"]

    def replies():
        for number, text in enumerate(texts):
            envelope = Envelope(topic="reply", actor="llm", turn=3, boot=1, seq=number + 1, sent_ns=number)
            yield Input(envelope, Reply(sentence=number, text=text, last=number == 2))

    def run(cut):
        engine = SpeakingScript()
        process = Process("tts", Tts(engine))
        for one in replies():
            process.past.append(one)
        process._step(list(process.past), 0)
        while process.machine.wake_ns is not None:
            if len(process.said) >= cut:
                cut = 1000
                engine.said.clear()
                process.killed(Tts(engine), 0)
            else:
                process._step([], 0)
        return process, engine

    whole, _ = run(1000)
    outputs = len(whole.said)
    for cut in range(1, outputs):
        process, engine = run(cut)
        voice = [one for one in process.said if isinstance(one.message, Voice)]
        assert [one.message.start_sample for one in voice] == list(range(0, 320 * len(voice), 320)), cut
        sound = np.concatenate([one.content for one in voice])
        wanted = np.concatenate([one.content for one in whole.said if isinstance(one.message, Voice)])
        assert np.array_equal(sound, wanted), cut
        phones = [one.message.sentence for one in process.said if isinstance(one.message, Phones)]
        assert phones == [0, 1, 2], cut
        assert [one.message.last for one in voice] == [False] * (len(voice) - 1) + [True]
    assert len(engine.said) == 1  # killed before its last block: the sentences before are not made again


@pytest.fixture(scope="module")
def script() -> Script:
    return Script(load_persona(DEFAULT_PERSONA))


def test_llm_keeps_the_history_and_what_was_heard_of_it(script):
    talk = Talk(Echo("And a long story about a very old lighthouse."), script.completeness)
    talk.user_says(0.5, 2.0, "tell me a story")
    talk.user_says(4.0, 5.0, "stop please")
    after = Echo()
    talk.restart(9.0, after)
    talk.user_says(12.0, 13.0, "what is your name")
    talk.run(18)
    (before, stopped) = after.histories[-1]
    assert before[0] == "tell me a story" and before[2] and 0 < len(before[1].split()) < 12
    assert stopped[0] == "stop please"
    assert after.resumed == ["tell me a story", "stop please"]
    assert talk.answers()[-1] == "You said what is your name."


def test_llm_that_was_killed_while_the_voice_speaks_still_lets_it_be_interrupted(script):
    talk = Talk(Echo("And a long story about a very old lighthouse and its people."), script.completeness)
    talk.user_says(0.5, 2.0, "tell me a story")
    talk.restart(3.0, Echo())
    talk.user_says(4.2, 5.2, "stop that please")
    talk.run(10)
    cancelled = [(s, turn) for s, turn, state in talk.turns() if state == "cancelled"]
    assert cancelled and 4.2 < cancelled[0][0] < 5.3
    assert talk.answers()[-1] == "You said stop that please."


@pytest.mark.parametrize("killed_s", [0.8, 1.5, 2.1, 2.2, 2.5])
def test_llm_that_was_killed_before_it_answered_answers_after_it_is_back(script, killed_s):
    talk = Talk(Echo(), script.completeness)
    talk.user_says(0.5, 2.0, "what is your name")
    talk.restart(killed_s, Echo())
    talk.run(9)
    assert talk.answers()[-1] == "You said what is your name."
    assert len(talk.committed()) == 1
    assert [state for _, state in talk.states()][-1] == "idle"


def test_a_reply_that_ended_while_the_llm_was_away_is_over(script):
    talk = Talk(Echo(), script.completeness)
    talk.user_says(0.5, 2.0, "what is your name")
    talk.restart(3.0, Echo(), away_s=3.0)
    talk.run(7)
    assert [state for _, state in talk.states()][-2:] == ["speaking", "idle"]
    assert talk.machine.history[-1].heard_ms > 1000 and not talk.machine.history[-1].cut


def test_turns_of_a_life_before_are_older_than_all_that_follow(script):
    talk = Talk(Echo(), script.completeness)
    talk.user_says(0.5, 2.0, "what is your name")
    talk.restart(5.0, Echo())
    talk.user_says(7.0, 8.0, "who are you")
    talk.run(12)
    first, second = [turn for _, turn, state in talk.turns() if state == "committed"]
    assert second > first + UNSEEN_TURNS


def test_the_persona_does_not_begin_anew_when_its_process_does(script):
    def answers(killed):
        talk = Talk(Conversation(script, "seed", None), script.completeness)
        for number in range(4):
            talk.user_says(1.0 + 8 * number, 2.0 + 8 * number, "tell me a joke")
        if killed:
            talk.restart(15.5, Conversation(script, "seed", None))
        talk.run(34)
        return talk.answers()

    assert answers(killed=True) == answers(killed=False)
    assert len(set(answers(killed=True))) == 4
