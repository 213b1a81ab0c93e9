"""Persona files: what a good one gives, and that a bad one is refused with the place and the reason."""

import re

import pytest

from actors.persona import DEFAULT_PERSONA, MAX_BYTES, BadPersona, load_persona

HEAD = 'name = "Bo"\nvoice = "slt"\ncharacter = "Short."\n'
FALLBACK = (
    '[fallback]\nunclear = ["What?", "Pardon?"]\nguess = ["Was it {question}?", "{question}?"]\n'
    'offer = ["Ask.", "Do."]\n'
)
GROUP = '[[group]]\nid = "hi"\nquestions = ["Hello, there!", "hi"]\nanswers = ["Hello.", "Hi."]\n'
GOOD = HEAD + FALLBACK + GROUP


@pytest.fixture
def load(tmp_path):
    def write_and_load(content: str | bytes):
        path = tmp_path / "persona.toml"
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return load_persona(path)

    return write_and_load


def test_a_small_persona_is_read_and_its_questions_are_plain(load):
    persona = load(GOOD)
    assert (persona.name, persona.voice, persona.groups[0].mood) == ("Bo", "slt", "neutral")
    assert persona.questions() == ["hello there", "hi"]
    assert persona.groups[0].answers == ("Hello.", "Hi.")


def test_every_value_of_a_slot_stands_in_every_place(load):
    slots = '[slots]\nnumber = ["one", "two", "twenty three"]\n'
    questions = load(HEAD + FALLBACK + slots + GROUP.replace('"hi"]', '"{number} times {number}"]')).questions()
    sums = [question.split(" times ") for question in questions if "times" in question]
    assert {left for left, _ in sums} == {right for _, right in sums} == {"one", "two", "twenty three"}


@pytest.mark.parametrize("name", ["vivi.toml", "museum.toml"])
def test_a_shipped_persona_gives_the_recogniser_plain_words_only(name):
    persona = load_persona(DEFAULT_PERSONA.parent / name)
    questions = persona.questions()
    assert len(questions) == len(set(questions)) > 100
    assert all(re.fullmatch(r"[a-z]+('[a-z]+)*( [a-z]+('[a-z]+)*)*", question) for question in questions)


def test_the_default_persona_is_rich():
    groups = load_persona(DEFAULT_PERSONA).groups
    assert len(groups) >= 100
    assert all(len(group.questions) >= 3 for group in groups)
    assert {group.mood for group in groups} == {"neutral", "happy", "surprised", "concerned", "amused"}


def test_the_first_sentence_of_an_answer_is_short_so_that_the_voice_starts_early():
    groups = load_persona(DEFAULT_PERSONA).groups
    firsts = [re.split(r"(?<=[.!?]) ", answer)[0] for group in groups for answer in group.answers]
    assert max(len(first.split()) for first in firsts) <= 20
    assert sorted(len(first.split()) for first in firsts)[len(firsts) // 2] <= 8


def test_answers_can_be_read_aloud():
    """No markup, digits or abbreviations, which voices spell out or stumble over."""
    answers = [answer for group in load_persona(DEFAULT_PERSONA).groups for answer in group.answers]
    for answer in answers:
        assert not re.search(r"[*_#<>\[\]()/\d]|\b[A-Z]{2,}\b|\b(?:e\.g|i\.e|etc|Dr|Mr)\.", answer), answer
        assert answer[-1] in ".!?", answer


def test_the_words_that_no_dictionary_has_come_with_their_sounds():
    assert load_persona(DEFAULT_PERSONA).pronunciations["vivi"] == "V IY V IY"


BAD = {
    "no group": (HEAD + FALLBACK, "no [[group]]"),
    "no name": (GOOD.replace('name = "Bo"\n', ""), "no 'name'"),
    "no fallback": (HEAD + GROUP, "no [fallback]"),
    "truncated": (GOOD[:-20], "at end of document"),
    "not toml": ("\x00\x01", "line 1"),
    "not utf-8": (b'name = "\xff"', "byte 8 is not UTF-8"),
    "name is a number": (GOOD.replace('"Bo"', "7"), "name is a int, not a string"),
    "character is a list": (GOOD.replace('"Short."', "[]"), "'character' must be"),
    "group is a list of numbers": (HEAD.replace("name", "group = [1]\nname", 1) + FALLBACK, "group 1 (not a table)"),
    "answers empty": (GOOD.replace('["Hello.", "Hi."]', "[]"), "line 8, group 1 (hi): 0 answers"),
    "one answer only": (GOOD.replace(', "Hi."]', "]"), "group 1 (hi): 1 answers"),
    "an answer is empty": (GOOD.replace('"Hi."]', '" "]'), "answers, entry 2: empty"),
    "an answer is not ascii": (GOOD.replace('"Hi."]', '"Gr\u00fcezi."]'), "character '\u00fc' at position 2"),
    "an answer is a number": (GOOD.replace('"Hi."]', "3]"), "answers is not a list of strings"),
    "an answer is a book": (GOOD.replace('"Hi."]', f'"{"a" * 700}"]'), "700 characters, more than 600"),
    "questions are a string": (GOOD.replace('["Hello, there!", "hi"]', '"hi"'), "questions is not a list"),
    "a question has digits": (GOOD.replace('"hi"]', '"what is 7"]'), "write numbers as words"),
    "a question has an unknown slot": (GOOD.replace('"hi"]', '"i am {who}"]'), "slot {who}"),
    "a question is only a slot": (
        HEAD + FALLBACK + '[slots]\nwho = ["bo"]\n' + GROUP.replace('"Hello, there!", "hi"', '"{who}"'),
        "no question has words besides its slots",
    ),
    "unknown key": (GOOD + 'anwsers = ["x"]\n', "unknown key 'anwsers'"),
    "unknown mood": (GOOD + 'mood = "grumpy"\n', "mood 'grumpy' is none of"),
    "unknown group after yes": (GOOD + 'ask = "More?"\nyes = "more"\n', "'more', which is not there"),
    "the same id twice": (GOOD + GROUP, "line 12, group 2 (hi): another group has this id"),
    "a question in two groups": (GOOD + GROUP.replace('"hi"\n', '"ho"\n', 1), "is in group hi, too"),
    "a pronunciation in letters": (GOOD + '[pronunciations]\nbo = "b-o"\n', "not ARPAbet"),
    "deeply nested": ("a = " + "[" * 100_000, "persona.toml"),
}


@pytest.mark.parametrize("content, reason", BAD.values(), ids=BAD)
def test_a_bad_file_is_refused_with_the_place_and_the_reason(load, content, reason):
    with pytest.raises(BadPersona) as refused:
        load(content)
    assert reason in str(refused.value)
    assert "persona.toml" in str(refused.value)


def test_a_missing_file_is_refused_with_its_path(tmp_path):
    with pytest.raises(BadPersona, match="nowhere.toml: No such file"):
        load_persona(tmp_path / "nowhere.toml")


def test_a_file_of_many_megabytes_is_refused_with_its_size(load):
    with pytest.raises(BadPersona, match=f"{MAX_BYTES + 1} bytes, more than {MAX_BYTES}"):
        load(b"#" * (MAX_BYTES + 1))
