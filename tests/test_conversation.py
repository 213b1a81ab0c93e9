"""Conversations in virtual time: what the llm actor says, for which turn, and when."""

import pytest

from actors.llm.actor import ALARM_NS, THINK_NS
from actors.llm.patience import Patience
from actors.llm.script import Script
from actors.llm.scripted import Conversation
from actors.persona import DEFAULT_PERSONA, load_persona
from actors.step import Input
from protocol.clock import SECOND
from protocol.envelope import Envelope
from protocol.messages import Dialogue, Floor, Reply, Session, Turn
from tests.conversation import Echo, Said, Talk

LONG = "This is a long story about a very old lighthouse and the two people who lived in it."


@pytest.fixture(scope="module")
def script() -> Script:
    return Script(load_persona(DEFAULT_PERSONA))


@pytest.fixture
def talk(script) -> Talk:
    return Talk(Echo(), script.completeness)


@pytest.fixture
def story(script) -> Talk:
    """The face tells something long from about 2.8 s on."""
    talk = Talk(Echo(LONG, LONG), script.completeness)
    talk.user_says(0.5, 2.5, "tell me a story")
    return talk


@pytest.fixture
def persona(script) -> Talk:
    return Talk(Conversation(script, "seed", None), script.completeness)


def test_a_turn_goes_from_listening_to_thinking_to_speaking_to_idle(talk):
    talk.user_says(0.5, 2.0, "what is your name")
    talk.run(8)
    assert [state for _, state in talk.states()] == ["idle", "listening", "thinking", "speaking", "idle"]
    (committed,) = talk.committed()
    assert 2.2 <= committed <= 2.35
    assert talk.answers() == ["You said what is your name."]


def test_the_answer_is_begun_before_the_turn_is_over_and_heard_at_once_when_it_is(talk):
    talk.user_says(0.5, 2.0, "what is your name")
    talk.run(8)
    begun = next(s for s, _, message in talk.said if isinstance(message, Reply))
    speaking = next(s for s, state in talk.states() if state == "speaking")
    assert begun < 2.14 < talk.committed()[0]
    assert speaking - talk.committed()[0] == pytest.approx(0.03, abs=0.005)


def test_a_hesitation_inside_a_sentence_is_waited_for_and_what_was_begun_is_thrown_away(talk):
    talk.user_says(0.5, 3.5, "what is your", "name", gaps_s=(0.9,))
    talk.run(8)
    assert talk.answers() == ["You said what is your name."]
    assert len(talk.committed()) == 1 and talk.committed()[0] > 3.5


def test_who_goes_on_after_a_sentence_that_could_have_been_all_cancels_the_draft(talk):
    talk.user_says(0.5, 3.2, "what is your name", "and where do you live", gaps_s=(0.12,))
    talk.run(9)
    assert [state for _, _, state in talk.turns()] == ["cancelled", "committed"]
    assert talk.answers() == ["You said what is your name and where do you live."]


def test_words_that_a_slow_recogniser_has_found_when_their_pause_is_over_end_no_turn(talk):
    talk.words_s = 0.35
    talk.user_says(0.5, 5.0, "what is your name", "supercalifragilisticexpialidocious", gaps_s=(0.3,))
    talk.run(9)
    assert [at > 5.0 for at in talk.committed()] == [True]


def test_who_goes_on_after_his_turn_was_taken_is_answered_as_a_whole(talk):
    talk.user_says(0.5, 2.0, "what is your name")
    talk.user_says(2.6, 4.0, "and where do you live")
    talk.run(10)
    assert talk.answers()[-1] == "You said what is your name. You said and where do you live."
    assert [state for _, _, state in talk.turns()][-1] == "committed"
    assert [one.parts for one in talk.machine.history] == [("what is your name", "and where do you live")]


def test_a_long_pause_after_an_unfinished_sentence_is_followed_by_the_rest_of_it(talk):
    talk.user_says(0.5, 3.6, "can you tell me", "a joke", gaps_s=(1.1,))
    talk.run(9)
    assert talk.answers() == ["You said can you tell me a joke."]
    assert [state for _, _, state in talk.turns()] == ["committed"], "an unfinished sentence is not worth a draft"


def test_an_unfinished_sentence_is_answered_after_a_second_and_a_half_at_most(talk):
    talk.user_says(0.5, 1.5, "can you tell me")
    talk.run(9)
    assert 2.5 <= talk.committed()[0] <= 3.1


def test_the_face_learns_how_long_this_user_pauses(talk):
    for number in range(4):
        start = 1 + 10 * number
        talk.user_says(start, start + 3.2, "tell me a joke", "about a cat", gaps_s=(0.6,))
    talk.run(45)
    first, last = talk.answers()[0], talk.answers()[-1]
    assert first == "You said tell me a joke."  # and then the whole of it, when he went on
    assert last == "You said tell me a joke about a cat."


def test_an_interruption_silences_the_voice_at_once_and_is_answered(story):
    story.user_says(5.0, 6.5, "no wait what is your name")
    story.run(14)
    ((yielded, _),) = story.floor()
    assert yielded == pytest.approx(5.13, abs=0.01)
    cancelled = [s for s, turn, state in story.turns() if state == "cancelled" and turn == 1]
    assert 5.13 < cancelled[0] < 6.5
    assert story.answers()[-1].startswith("You said no wait what is your name.")
    assert story.machine.history[0].cut


def test_what_was_heard_of_a_reply_is_known_to_the_word_and_told_to_the_engine(story):
    story.user_says(5.0, 6.5, "no wait what is your name")
    story.run(14)
    first = story.machine.history[0]
    words = int((first.heard_ms + 60) // 300)
    whole = " ".join(first.sentences).split()
    assert 4 < words < len(whole)
    assert first.heard() == " ".join(whole[:words])
    assert story.machine._conversation.histories[-1][0] == ("tell me a story", first.heard(), True)


@pytest.mark.parametrize("text", ["mhm", "yes", "okay", "uh", "", "right", "i see", "oh really"])
def test_a_backchannel_makes_the_voice_wait_and_go_on_at_the_word_it_stopped_in(story, text):
    story.user_says(5.0, 5.35, text)
    story.run(20)
    assert [state for _, state in story.floor()] == ["yielded", "taken"]
    (s, _), (taken_s, _) = story.floor()
    assert taken_s < 5.55
    taken = next(m for _, _, m in story.said if isinstance(m, Floor) and m.state == "taken")
    assert taken.from_ms % 300 == pytest.approx(0, abs=0.1) and taken.from_ms > 1000
    assert [state for _, _, state in story.turns()] == ["committed"]
    assert story.machine.history[0].heard_ms == pytest.approx(story._voices[1], abs=1)
    assert story.states()[-1][1] == "idle"


def test_a_noise_without_words_is_waited_for_no_longer_than_two_seconds(story):
    story.at(5.13, lambda: story._speech("started", 2, 5.0))
    story.run(20)
    (yielded, _), (taken, _) = story.floor()
    assert taken - yielded == pytest.approx(ALARM_NS / SECOND, abs=0.01)
    assert [state for _, _, state in story.turns()] == ["committed"]


def test_after_two_false_alarms_only_words_stop_the_voice(story):
    for start in (4.0, 5.5, 7.0):
        story.user_says(start, start + 0.3, "mhm")
    story.user_says(8.5, 10.0, "please tell me something else")
    story.run(16)
    assert [state for _, state in story.floor()] == ["yielded", "taken"] * 2
    cancelled = next(s for s, turn, state in story.turns() if (turn, state) == (1, "cancelled"))
    assert 8.7 < cancelled < 9.6


def test_the_echo_of_its_own_words_does_not_interrupt(story):
    story.user_says(5.0, 6.6, "a very old lighthouse and the")
    story.run(16)
    assert [state for _, _, state in story.turns()] == ["committed"]


def test_yes_to_a_question_that_is_just_being_asked_is_an_answer(script):
    talk = Talk(Echo("Would you like to hear another one?"), script.completeness)
    talk.user_says(0.5, 2.0, "tell me a joke")
    talk.run(2.5)
    end_s = talk.now_s + (3 + 5 + 7) * 0.3 - 0.6
    talk.user_says(end_s, end_s + 0.35, "yes")
    talk.run(14)
    assert talk.machine.history[-1].parts == ("yes",)


def test_two_quick_questions_are_both_answered_by_the_persona(persona):
    persona.user_says(0.5, 1.8, "what is your name")
    persona.user_says(2.3, 3.6, "what is seven times eight")
    persona.run(12)
    assert "vivi" in persona.answers()[-1].lower() and "fifty six" in persona.answers()[-1].lower()


def test_a_minute_of_silence_is_a_minute_of_silence(talk):
    talk.run(60)
    assert talk.states() == [(0.0, "idle")] and len(talk.said) == 1
    assert talk.machine.wake_ns is None


def test_who_leaves_in_the_middle_of_a_reply_ends_the_turn(story):
    story.at(4.0, lambda: story.hear(Session(state="closed", reason="hung up")))
    story.run(10)
    assert story.turns()[-1][1:] == (1, "cancelled") and story.states()[-1][1] == "idle"


def test_who_leaves_while_an_answer_is_drafted_leaves_nothing_behind(talk):
    talk.user_says(0.5, 2.0, "what is your name")
    talk.at(2.15, lambda: talk.hear(Session(state="closed")))
    talk.run(10)
    assert talk.turns()[-1][2] == "cancelled" and not talk.committed()
    assert talk.machine.wake_ns is None


@pytest.mark.parametrize("at_s", [2.2, 2.5, 2.8, 3.5, 5.0, 8.0])
def test_an_interruption_at_any_stage_ends_in_an_answer_and_one_live_turn(script, at_s):
    talk = Talk(Echo(LONG), script.completeness)
    talk.user_says(0.5, 2.0, "tell me a story")
    talk.user_says(at_s, at_s + 1.5, "stop what is your name")
    talk.run(25)
    assert "stop what is your name" in talk.answers()[-1]
    assert talk.machine._live is None and talk.machine._draft is None and talk.states()[-1][1] == "idle"
    assert talk.machine.wake_ns is None


def test_thinking_is_given_up_where_no_voice_comes(talk):
    talk._silent = True
    talk.user_says(0.5, 2.0, "what is your name")
    talk.run(15)
    cancelled = next((s, m.reason) for s, _, m in talk.said if isinstance(m, Turn) and m.state == "cancelled")
    assert cancelled[0] == pytest.approx(talk.committed()[0] + THINK_NS / SECOND, abs=0.01)
    assert cancelled[1] == "no voice came" and talk.states()[-1][1] == "idle"


def test_noise_is_not_answered_and_the_face_rests_again(talk):
    talk.user_says(0.5, 0.8, "uh")
    talk.run(20)
    assert talk.states()[-1][1] == "idle" and not talk.turns() and not talk.machine.history
    assert talk.machine.wake_ns is None


def test_words_that_never_come_are_not_waited_for_forever(talk):
    talk.at(0.6, lambda: talk._speech("started", 1, 0.5))
    talk.at(2.0, lambda: talk._speech("ended", 1, 1.5))
    talk.run(20)
    assert talk.states()[-1] == (2.0 + THINK_NS / SECOND, "idle") and talk.machine.wake_ns is None


def test_turns_grow_from_the_highest_number_ever_heard(talk):
    talk.run(0.1)
    talk.hear(talk._playout("playing"), turn=41)
    talk.user_says(0.5, 2.0, "what is your name")
    talk.run(5)
    assert talk.turns()[-1][1:] == (42, "committed")


def test_a_reply_in_the_making_is_sent_sentence_by_sentence_and_thinking_lasts_until_it_is_heard(script):
    class Slowly(Echo):
        def begin(self, parts, now, history):
            super().begin(parts, now, history)
            reply = Slow(["One.", "Two."])
            reply.parts = tuple(parts)
            return reply

    class Slow(Said):
        asked = 0

        def take(self):
            self.asked += 1
            if self.asked % 60 or not self.sentences:
                return []
            taken, self.sentences = self.sentences[:1], self.sentences[1:]
            return taken

    talk = Talk(Slowly(), script.completeness)
    talk.user_says(0.5, 2.0, "what is your name")
    talk.run(10)
    sent = [(s, m.text, m.last) for s, _, m in talk.said if isinstance(m, Reply)]
    assert [(text, last) for _, text, last in sent] == [("One.", False), ("Two.", True)]
    assert sent[1][0] - sent[0][0] == pytest.approx(0.3, abs=0.02)
    states = [state for _, state in talk.states()]
    assert states == ["idle", "listening", "thinking", "speaking", "idle"]


def test_half_a_minute_is_always_the_same_and_takes_milliseconds(script):
    def half_a_minute():
        talk = Talk(Conversation(script, "seed", None), script.completeness)
        talk.user_says(0.5, 1.8, "what is your name")
        talk.user_says(6.0, 8.5, "can you tell me", "a joke", gaps_s=(0.7,))
        talk.user_says(10.0, 10.3, "mhm")
        talk.user_says(12.0, 13.5, "stop tell me a story")
        talk.user_says(17.0, 18.5, "no wait what time is it")
        talk.user_says(24.0, 25.0, "go on")
        return talk.run(30).said

    assert half_a_minute() == half_a_minute()


def test_as_i_was_saying_goes_on_from_the_sentence_that_was_cut(persona):
    persona.user_says(0.5, 2.0, "tell me a story")
    persona.user_says(6.0, 7.2, "stop what is your name")
    persona.run(14)
    cut = next(one for one in persona.machine.history if one.cut)
    persona.user_says(persona.now_s + 3, persona.now_s + 4, "go on")
    persona.run(persona.now_s + 20)
    assert persona.answers()[-1].startswith("As I was saying.")
    assert cut.unheard()[0] in persona.answers()[-1]


class Noted(Patience):
    def __init__(self):
        super().__init__()
        self.pauses_s: list[float | None] = []  # None: it was the end

    def went_on(self, look, pause_ns):
        self.pauses_s.append(pause_ns / SECOND)

    def over(self, look):
        self.pauses_s.append(None)


def test_a_pause_counts_once_as_gone_on_from_or_as_the_end(story):
    story.machine._patience = Noted()
    story.user_says(5.0, 6.5, "no wait what is your name")
    story.run(40)
    assert story.machine._patience.pauses_s == [None, None]
    again = Talk(Echo(), story.machine._completeness)
    again.machine._patience = Noted()
    again.user_says(0.5, 2.0, "what is your name")
    again.user_says(2.6, 4.0, "and where do you live")
    again.run(12)
    assert again.machine._patience.pauses_s == [pytest.approx(0.6, rel=0.01), None]


def test_only_a_short_answer_to_a_question_is_waited_for_less(script):
    def wait_s(text: str) -> float:
        talk = Talk(Echo("What is your favorite city?"), script.completeness)
        talk.user_says(0.5, 2.0, "what is your name")
        talk.user_says(10.0, 11.5, text)
        talk.run(20)
        return talk.committed()[-1] - 11.5

    assert wait_s("lovely rome") < 0.5 < wait_s("we went to rome last summer with friends")


def test_a_restarted_machine_uses_no_turn_number_of_its_life_before(script):
    talk = Talk(Echo(), script.completeness)
    kept = []
    for number, message in enumerate((Session(state="open"), Dialogue(state="speaking"))):
        envelope = Envelope(topic="x", actor="x", session="s", turn=7 * number, boot=1, seq=1, sent_ns=0)
        kept.append(Input(envelope, message))
    talk._due.clear()
    talk._step(kept)
    talk.user_says(0.5, 2.0, "what is your name")
    talk.run(8)
    assert talk.turns()[-1][1] > 7 + 100 and talk.turns()[-1][2] == "committed"


def test_a_voice_that_waits_already_is_not_told_to_stop_again(story):
    story.at(5.13, lambda: story._speech("started", 2, 5.0))
    story.at(5.40, lambda: story._speech("paused", 2, 5.3))
    story.at(5.60, lambda: story._speech("resumed", 2, 5.5))  # before any word is there
    story.run(7)
    assert [state for _, state in story.floor()] == ["yielded"]
