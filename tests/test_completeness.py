"""What looks finished: by grammar, and by the questions that a persona expects."""

import pytest

from actors.llm.completeness import Completeness
from actors.persona import DEFAULT_PERSONA, load_persona
from actors.words import content, split

CUT = """
can you tell me
could you please
i would like to
i would like to know how
my name is
what is
what is your
how many
where do
what is seven times
what is seven plus
do you know what
she told me that
do you think that
please tell me
i was wondering if
i went to the
because of
so um
i like music and
we could go to the park or
she said that the
it is a very
yesterday i met my
the man who
i think that you should
what time does the
tell me about
if you had to
is there a
i want
i need
give me
explain to me how
i am looking for a
there was once a
when i was
the capital of
we have been to
have you ever
would you
can you
it depends on
my favorite color is
i am from
i live in
i work as a
they told me that i
you know what i mean but
that is not the
in the middle of the
he gave it to his
what do you think about
how much is twenty divided by
please tell me your
he was going to
not only the
without any
she looked at
do you remember when we
""".strip().splitlines()
WHOLE = """
what is your name
where are you from
what are you looking at
who do you work for
how are you
who are you
how old are you
can you sing
tell me a joke
i like music
my name is robert
i am from berlin
i live in a small town
what is seven times eight
no thank you
stop
that is enough
it is raining outside
we went to the park yesterday
i would like a cup of tea
he gave me the book
do you like dogs
i think you are right
what do you think
what can you do
what do you want
i do not know
tell me what it is
i have two brothers
it was a long day
there is nothing to see here
she told me everything
goodbye
thank you very much
the train leaves at nine
could you repeat that please
where does your voice come from
what is the weather like
do you have any hobbies
i love this song
""".strip().splitlines()


@pytest.fixture(scope="module")
def questions() -> list[str]:
    return load_persona(DEFAULT_PERSONA).questions()


@pytest.fixture(scope="module")
def completeness(questions) -> Completeness:
    return Completeness(questions)


@pytest.fixture(scope="module")
def grammar() -> Completeness:
    """Of a persona that expects nothing."""
    return Completeness(["zzyzx"])


def test_no_question_of_the_persona_looks_open_but_those_that_the_grammar_and_other_questions_go_on_from(
    completeness, questions
):
    assert len(questions) > 1000
    assert {question for question in questions if completeness.of(question) == "open"} <= {"tell me", "who am i"}


def test_the_beginning_of_a_question_of_the_persona_looks_open(completeness, questions):
    known = {tuple(content(split(question))) for question in questions}
    begun = {" ".join(words[:n]) for q in questions for words in [q.split()] for n in range(1, len(words))}
    begun = [text for text in begun if tuple(content(split(text))) not in known]
    assert len(begun) > 1000
    assert sum(completeness.of(text) == "open" for text in begun) >= 0.99 * len(begun)


@pytest.mark.parametrize("text", CUT)
def test_a_sentence_cut_where_people_hesitate_looks_open(grammar, text):
    assert grammar.of(text) == "open"


@pytest.mark.parametrize("text", WHOLE)
def test_a_whole_sentence_does_not_look_open(grammar, text):
    assert grammar.of(text) != "open"


def test_a_question_that_others_go_on_from_is_less_certain_than_one_that_stands_alone(completeness):
    assert completeness.of("how are you") == "complete"
    assert completeness.of("what is your favorite color") == "certain"


@pytest.mark.parametrize("text", ["hello", "okay", "a big red ball", "robert"])
def test_a_few_words_or_a_greeting_are_neither_open_nor_certain(completeness, text):
    assert completeness.of(text) in ("unsure", "likely", "complete")


@pytest.mark.parametrize("text, look", [("Really?", "complete"), ("Well, I went,", "open"), ("I saw it —", "open")])
def test_the_marks_of_a_recogniser_that_has_them_count(grammar, text, look):
    assert grammar.of(text) == look


def test_nothing_is_open(completeness):
    assert completeness.of("") == "open"
