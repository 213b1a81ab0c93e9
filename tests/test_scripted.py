"""The scripted engine understands what people say, also misheard, computes, remembers, and is honest about the rest."""

from datetime import datetime

import pytest

from actors.llm.mind import Mind
from actors.llm.scripted import Scripted
from actors.llm.sentence import split
from actors.persona import DEFAULT_PERSONA, BadPersona
from actors.words import split as split_words

NOW = datetime(2026, 11, 20, 16, 5)

# as people say it, none word for word in the persona; group that answers
SPOKEN = """
so what is your name then | who_are_you
could you tell me who you are | who_are_you
Who are you, actually? | who_are_you
are you a real human being | are_you_real
are you some kind of robot | what_are_you
how old are you anyway | how_old
who built you vivi | who_made_you
so what can you do for me | what_can_you_do
how exactly do you work inside | how_work
explain to me how this works | how_work
what are these gaussian splats | face_made
how do your lips move | lips
how can you understand what i say | recognition
is my data really safe here | privacy
how much does it all cost | open_source
can i train a face of my own | train_face
can it run on a laptop | hardware
hello vivi can you hear me | hear_me
are you able to see me now | see_me
Could you please tell me another joke? | joke
do you know some riddles | riddle
tell me a nice story | story
How's the weather outside today? | weather
will there be rain tomorrow | weather
would you sing for me please | sing
do you like watching movies | movies
do you prefer cats or dogs | animals
do you have any feelings at all | feelings
thank you so very much | thanks
you really are beautiful | compliment
you are so very stupid | insult
could you be my friend | friends
good bye then vivi | goodbye
i am feeling very lonely today | i_am_sad
can you repeat that for me please | repeat
could you tell me the time please | time
so what day is today | day
what's the date of today | date
is there an internet connection | internet
what happens if one of your parts fails | restart
"""

# as recognisers wrote it down; what was said stands behind
MISHEARD = """
what is the whether | weather
tell me a yoke | joke
due you dream | dream
can you here me | hear_me
where our you | where_are_you
who maid you | who_made_you
how you work | how_work
what are gaussian splash | face_made
do you have feeling | feelings
how old argue you | how_old
what you name | who_are_you
for get everything | facts
slow what can you do for me | what_can_you_do
thank you that was very well | thanks
are you self kind of robot | what_are_you
what are things sentient splats | face_made
where does my voice goal | privacy
do you record when i say | privacy
what is seven times a | arithmetic
what is twenty three minus mind | arithmetic
how is the weather to day | weather
are you a live | alive
sing me a some | sing
good buy | goodbye
"""

NONSENSE = """
purple seven hammer dances
my hovercraft is full of eels
the elephant in the garden eats bananas
colorless green ideas sleep furiously
put the kettle behind the purple window
explain photosynthesis to me
who wrote romeo and juliet
what is the capital of france
how tall is the eiffel tower
translate the word butterfly into japanese
the train to hamburg leaves at nine
"""

SUMS = {
    "what is seven times eight": "fifty six",
    "twenty three minus nine": "fourteen",
    "what's 7 x 8?": "fifty six",
    "What is 1,250 plus 3.5?": "one thousand two hundred and fifty three point five",
    "how much is a hundred divided by eight": "twelve point five",
    "what is fifteen percent of two hundred": "thirty",
    "can you tell me what the square root of two is": None,
    "square root of two": "about one point four one four",
    "the square root of one hundred forty four": "twelve",
    "two plus three times four": "fourteen",
    "how much is two and two": "four",
    "two to the power of ten": "one thousand and twenty four",
    "one divided by three": "about zero point three three three",
    "minus five plus three": "minus two",
    "half of seven": "three point five",
    "four and a half times two": "nine",
    "three point one four times two": "six point two eight",
    "twenty for divided by too": "twelve",
    "seven times ate": "fifty six",
    "a million times a million": "one trillion",
    "ten divided by zero": "divided by zero",
    "two to the power of a million": "whole powers up to sixty four",
    "nine hundred trillion times nine": "too big to say",
}


def rows(text: str) -> list[tuple[str, str]]:
    return [tuple(part.strip() for part in line.split("|")) for line in text.strip().splitlines()]


@pytest.fixture(scope="module")
def engine() -> Scripted:
    engine = Scripted(DEFAULT_PERSONA)
    engine.load()
    engine.warm()
    return engine


@pytest.fixture
def call(engine) -> Mind:
    return Mind(engine.script, 3)


def say(call: Mind, text: str) -> str:
    return " ".join(call.answer(text, NOW).sentences)


@pytest.mark.parametrize("said, group", rows(SPOKEN))
def test_a_question_in_other_words_finds_its_answer(engine, call, said, group):
    assert " ".join(split_words(said)) not in {q for known in engine.script.persona.groups for q in known.questions}
    answer = call.answer(said, NOW)
    assert (answer.group, answer.understood) == (group, True)
    assert answer.sentences


@pytest.mark.parametrize("heard, group", rows(MISHEARD))
def test_a_misheard_question_finds_its_answer(call, heard, group):
    assert call.answer(heard, NOW).group == group


def test_the_persona_s_own_questions_find_their_groups(engine):
    script = engine.script
    found = [
        script.find(question, last=group.after)[2].id == group.id
        for group in script.persona.groups
        for question in group.questions
        if "{" not in question
    ]
    assert len(found) > 900
    assert sum(found) / len(found) >= 0.99


@pytest.mark.parametrize("said", NONSENSE.strip().splitlines())
def test_nonsense_is_not_answered_but_asked_back(call, said):
    answer = call.answer(said, NOW)
    assert not answer.understood
    assert answer.group in ("unclear", "guess")


@pytest.mark.parametrize(
    "heard", ["", "  ", "uh", "um uh", "a", "B", "Hmm.", "the", "[noise]", "<sil>", "...", "!?", "\u00e9"]
)
def test_noise_gets_no_answer(call, heard):
    answer = call.answer(heard, NOW)
    assert (answer.sentences, answer.understood) == ((), False)


def test_after_two_failures_it_says_what_one_can_ask_and_never_repeats_itself(call):
    answers = [call.answer("my hovercraft is full of eels", NOW) for _ in range(9)]
    assert [answer.group for answer in answers] == ["unclear"] + ["offer"] * 8
    assert all(one.sentences != two.sentences for one, two in zip(answers, answers[1:], strict=False))
    assert call.answer("hello", NOW).understood
    assert call.answer("my hovercraft is full of eels", NOW).group == "unclear"


def test_what_it_almost_understood_is_offered_and_a_yes_answers_it(call):
    offered = call.answer("do you by any chance make your pictures with web r t c", NOW)
    assert (offered.group, offered.understood) == ("guess", False)
    assert "what is web r t c?" in offered.sentences[-1]
    assert call.answer("yes please", NOW).group == "webrtc"


def test_statements_are_never_offered_as_what_was_meant(engine):
    """Nobody wants to be asked "did you mean: i want to die?"."""
    statements = {q for group in engine.script.persona.groups for q in group.questions if q.split()[0] in ("i", "you")}
    for text in ("i want to dye my hair", "i really hurt my knee", "i kill weeds", "you are rather odd", "i paint"):
        answer = " ".join(Mind(engine.script, 1).answer(text, NOW).sentences)
        assert not any(f": {statement}" in answer for statement in statements), answer


def test_no_answer_comes_twice_in_a_row_and_all_variants_come(engine):
    for group in engine.script.persona.groups:
        if group.skill or group.after:
            continue
        call = Mind(engine.script, 11)
        spoken = [call.answer(group.questions[0], NOW) for _ in range(12)]
        assert all(one.sentences != two.sentences for one, two in zip(spoken, spoken[1:], strict=False)), group.id
        assert len({answer.sentences[0] for answer in spoken}) >= sum("{" not in answer for answer in group.answers)


def test_the_same_seed_gives_the_same_call(engine):
    said = ["hello", "tell me a joke", "yes", "how are you", "purple seven hammer dances", "tell me a story"]
    calls = [[say(call, text) for text in said] for call in (Mind(engine.script, seed) for seed in (5, 5, "other"))]
    assert calls[0] == calls[1] != calls[2]


@pytest.mark.parametrize("said, result", [(said, result) for said, result in SUMS.items() if result])
def test_sums_are_computed(call, said, result):
    assert result in say(call, said).lower()


def test_sums_that_are_none_are_left_to_the_persona(call):
    assert call.answer("what time is it", NOW).group == "time"
    assert call.answer("you are number one", NOW).group != "arithmetic"
    assert {say(call, "what is times divided by").split(".")[0] for _ in range(2)} == {
        "I can do sums",
        "Give me the numbers once more, please",
    }


def test_time_day_date_and_year_are_told(call):
    assert "four oh five" in say(call, "what time is it")
    assert "Friday" in say(call, "what day is it today")
    assert "the twentieth of November" in say(call, "what is today's date")
    assert "twenty twenty six" in say(call, "what year is it")
    assert "twelve o'clock" in " ".join(call.answer("what is the time", datetime(2026, 1, 1, 0, 0)).sentences)


def test_facts_are_kept_told_and_forgotten(call):
    say(call, "Hi, I'm Anna.")
    for told in ("my name is anna", "i live in new york", "i am thirty two years old", "my favourite colour is green"):
        assert call.answer(told, NOW).group == "facts"
    for told in ("i like pizza", "i love my mother", "i work as a nurse", "my dog's name is rex"):
        assert call.answer(told, NOW).group == "facts"
    assert "Your name is Anna." in say(call, "what's my name")
    assert "New York" in say(call, "where do i live")
    assert "thirty two" in say(call, "how old am i")
    assert "green" in say(call, "what is my favorite color")
    assert "You like pizza and your mother." in say(call, "what do i like")
    assert "a nurse" in say(call, "what do i do for a living")
    assert "Rex" in say(call, "what is my dog called")
    everything = say(call, "what do you know about me")
    assert all(fact in everything for fact in ("Anna", "New York", "thirty two", "green", "pizza", "a nurse", "Rex"))
    say(call, "forget my name")
    assert "Anna" not in say(call, "who am i")
    say(call, "forget everything about me")
    assert call.memory.facts() == {}
    assert "pizza" not in say(call, "what do you know about me")


def test_a_bare_reply_to_her_question_is_kept(call):
    assert "your favorite food?" in say(call, "what is your favorite food")
    say(call, "fresh bread")
    assert "fresh bread" in say(call, "what is my favorite food")
    assert "do not know" in say(call, "where do i live")
    say(call, "in vienna")
    assert "Vienna" in say(call, "where do i live")


def test_a_question_instead_of_a_reply_is_answered(call):
    say(call, "what is your favorite food")
    assert call.answer("what time is it", NOW).group == "time"
    assert call.memory.facts() == {}


def test_praise_is_no_fact(call):
    assert call.answer("i like your voice", NOW).group == "compliment"
    assert call.memory.facts() == {}


def test_the_name_is_used_once_it_is_known(engine):
    call = Mind(engine.script, 2)
    before = [say(call, "goodbye") for _ in range(8)]
    say(call, "my name is peter")
    after = [say(call, "goodbye") for _ in range(8)]
    assert not any("{" in text or "Peter" in text for text in before)
    assert any("Goodbye, Peter." in text for text in after)


def test_what_was_said_is_said_again_with_its_question(call):
    joke = call.answer("tell me a joke", NOW)
    assert call.answer("say that again", NOW).sentences == joke.sentences
    assert call.answer("what did you say", NOW).sentences == joke.sentences
    assert call.answer("yes please", NOW).group == "joke"
    assert call.answer("another one", NOW).group == "joke"


def test_there_is_nothing_to_say_again_at_first(call):
    assert call.answer("say that again", NOW).group == "repeat"


def test_a_riddle_takes_its_solution_only_after_it_was_asked(call):
    assert call.answer("footsteps", NOW).group != "riddle_two_solved"
    call.answer("tell me a riddle", NOW)
    assert call.answer("is it a map", NOW).group == "riddle_solved"
    assert call.answer("yes", NOW).group == "riddle_two"
    assert call.answer("i don't know", NOW).group == "riddle_two_given_up"
    assert call.answer("i don't know", NOW).group == "maybe"


def test_any_text_gets_an_answer_or_silence(call):
    for text in ("'", "a" * 4000, "seven " * 600, "{user} {0} %s", "\x00\x07", "my name is " + "x " * 900, "forget"):
        call.answer(text, NOW)
    assert all(len(value) <= 80 for value in call.memory.facts().values())


def test_sentences_are_split_at_their_ends_only():
    assert split('One.  Two? "Three!" It is 3.5 now. Four') == ["One.", "Two?", '"Three!"', "It is 3.5 now.", "Four"]
    assert split("  ") == []


def test_another_persona_answers_as_itself():
    engine = Scripted(DEFAULT_PERSONA.parent / "museum.toml")
    engine.load()
    call = Mind(engine.script, 1)
    assert call.answer("when does the museum close today", NOW).group == "hours"
    assert call.answer("how do i get to the whale", NOW).group == "rooms"
    assert call.answer("my name is anna", NOW).group != "facts"  # it has no such skill
    assert call.memory.facts() == {}
    for other in ("how tall is the eiffel tower", "do you dream", "what is the capital of france"):
        assert not call.answer(other, NOW).understood


def test_an_unknown_skill_is_refused(tmp_path):
    path = tmp_path / "persona.toml"
    path.write_text((DEFAULT_PERSONA.parent / "museum.toml").read_text().replace('skill = "time"', 'skill = "chess"'))
    with pytest.raises(BadPersona, match="group time: skill 'chess' is none of arithmetic"):
        Scripted(path).load()
    assert "nowhere.toml" in Scripted(tmp_path / "nowhere.toml").missing()
