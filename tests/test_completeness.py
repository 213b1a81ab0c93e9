"""What looks finished: by grammar, and by the questions that a persona expects."""

import pytest

from actors.llm.completeness import Completeness
from actors.llm.script import Script
from actors.persona import DEFAULT_PERSONA, load_persona
from actors.words import content, split
from tests.sentences import CUT, WHOLE

PERSONAS = sorted(DEFAULT_PERSONA.parent.glob("*.toml"))
LEAST = 0.95  # of the sentences; some can be heard as either


@pytest.fixture(scope="module", params=PERSONAS, ids=lambda path: path.stem)
def questions(request) -> list[str]:
    return load_persona(request.param).questions()


@pytest.fixture(scope="module")
def completeness() -> Completeness:
    return Completeness(load_persona(DEFAULT_PERSONA).questions())


@pytest.fixture(scope="module")
def grammar() -> Completeness:
    """Of a persona that expects nothing."""
    return Completeness(["zzyzx"])


def test_no_question_of_a_persona_looks_open_but_one_that_the_grammar_and_other_questions_go_on_from(questions):
    completeness = Completeness(questions)
    assert len(questions) > 100
    assert {question for question in questions if completeness.of(question) == "open"} <= {"tell me"}


def test_the_beginning_of_a_question_of_a_persona_looks_open(questions):
    completeness = Completeness(questions)
    known = {tuple(content(split(question))) for question in questions}
    begun = {" ".join(words[:n]) for q in questions for words in [q.split()] for n in range(1, len(words))}
    begun = [text for text in begun if tuple(content(split(text))) not in known]
    assert len(begun) > 100
    assert sum(completeness.of(text) == "open" for text in begun) >= 0.99 * len(begun)


@pytest.mark.parametrize("judge", ["grammar", "completeness"])
def test_sentences_cut_where_people_hesitate_look_open(judge, request):
    wrong = [text for text in CUT if request.getfixturevalue(judge).of(text) != "open"]
    assert len(CUT) > 120
    assert len(wrong) <= (1 - LEAST) * len(CUT), wrong


@pytest.mark.parametrize("judge", ["grammar", "completeness"])
def test_whole_sentences_do_not_look_open(judge, request):
    wrong = [text for text in WHOLE if request.getfixturevalue(judge).of(text) == "open"]
    assert len(WHOLE) > 120
    assert len(wrong) <= (1 - LEAST) * len(WHOLE), wrong


@pytest.mark.parametrize("thanks", ["please", "thanks", "thank you"])
def test_a_known_question_with_thanks_is_as_certain_as_without(completeness, thanks):
    assert completeness.of(f"what is your favorite color {thanks}") == "certain"


def test_a_question_that_others_go_on_from_is_less_certain_than_one_that_stands_alone(completeness):
    assert completeness.of("how are you") == "complete"
    assert completeness.of("what is your favorite color") == "certain"


@pytest.mark.parametrize("text", ["my name is robert", "i am from berlin", "i am tired"])
def test_who_tells_of_himself_may_go_on_where_one_who_asks_does_not(completeness, text):
    assert completeness.of(text) == "complete"


@pytest.mark.parametrize("text", ["what is seven times eight", "tell me is story"])
def test_what_the_persona_has_an_answer_to_is_complete_even_misheard_and_what_it_has_not_is_likely(text):
    assert Script(load_persona(DEFAULT_PERSONA)).completeness.of(text) == "complete"
    assert Completeness(load_persona(DEFAULT_PERSONA).questions()).of(text) == "likely"


@pytest.mark.parametrize("text", ["yesterday i saw", "i want to go on a long", "we met", "it is a beautiful"])
def test_a_verb_without_its_object_and_an_adjective_without_its_noun_are_open(grammar, text):
    assert grammar.of(text) == "open"


@pytest.mark.parametrize("text", ["hello", "okay", "a big red ball", "robert"])
def test_a_few_words_or_a_greeting_are_neither_open_nor_certain(completeness, text):
    assert completeness.of(text) in ("unsure", "likely", "complete")


@pytest.mark.parametrize("text, look", [("Really?", "complete"), ("Well, I went,", "open"), ("I saw it —", "open")])
def test_the_marks_of_a_recogniser_that_has_them_count(grammar, text, look):
    assert grammar.of(text) == look


def test_nothing_is_open(completeness):
    assert completeness.of("") == "open"
