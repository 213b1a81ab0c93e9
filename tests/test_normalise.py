"""What is read out is what a person would say, for any text, in printable ASCII."""

import random
import string

import pytest

from actors.tts.clause import MAX_CLAUSE, clauses
from actors.tts.normalise import MAX_TOKEN, normalise

SAID = {
    # left to flite, which reads them well
    "I have 42 apples.": "I have 42 apples.",
    "Pi is 3.14159 and 20% is 0.2, -5 isn't.": "Pi is 3.14159 and 20% is 0.2, -5 isn't.",
    "the 1st, 2nd and 100th of 1,000,000": "the 1st, 2nd and 100th of 1,000,000",
    "Is it well-known? Yes; (I think) so: 5-10!": "Is it well-known? Yes; (I think) so: 5-10!",
    "Henry VIII and World War II, by NASA and IBM": "Henry VIII and World War II, by NASA and IBM",
    # writing
    "naïve café, Привет": "naive cafe, Privet",
    "“Don’t” — she said… ‘no’": "\"Don't\", she said... 'no'",
    "This is - I think -- good.": "This is, I think, good.",
    "Great 😀👍🏽! I like it ❤️": "Great! I like it",
    "１２ ﬁsh and ½ a cup, 2½": "12 fish and 1/2 a cup, 2 1/2",
    "Wait!!! What?!?! Sooooo good......": "Wait! What? Soo good...",
    "hello,world.Then fine!Go": "hello, world. Then fine! Go",
    # money
    "£20 or €15.50": "20 pounds or 15 euros 50 cents",
    "$1,234.56 and $1 and $0.99": "1,234 dollars 56 cents and 1 dollar and 99 cents",
    "£3.5m, €2bn, $5k, $3 million": "3.5 million pounds, 2 billion euros, 5 thousand dollars, 3 million dollars",
    "£1.01 and ¥500": "1 pound 1 penny and 500 yen",
    # times, dates, years
    "at 14:30 or 2:05": "at 14:30 or 2:05",
    "9:00, 14:00, 00:00": "9 o'clock, 14 hundred, midnight",
    "at 7 a.m. we go, not at 10:30pm": "at 7 A M we go, not at 10:30 P M",
    "It was 7 p.m. Then": "It was 7 P M. Then",
    "at 14:30:15": "at 14:30 and 15 seconds",
    "on 2024-03-15 or 3/15/2024": "on March 15, twenty twenty four or March 15, twenty twenty four",
    "15/03/2024, 15.3.2024": "March 15, twenty twenty four, March 15, twenty twenty four",
    "not a date: 2024-13-45": "not a date: 2024-13-45",
    "Jan. 5 and 3rd Feb": "January 5 and 3rd February",
    "In 1984, 1905, 1900, 2007, 2000.": (
        "In nineteen eighty four, nineteen oh five, nineteen hundred, two thousand seven, two thousand."
    ),
    "from 1914–1918, the 1990s": "from nineteen fourteen to nineteen eighteen, the 1990s",
    "The score was 3:2": "The score was 3 to 2",
    # measures
    "5km, 10 kg, 3 m/s, 1 mm": "5 kilometers, 10 kilograms, 3 meters per second, 1 millimeter",
    "20 °C, 1.5GB, 60 fps": "20 degrees Celsius, 1.5 gigabytes, 60 frames per second",
    "v2.0.1 of 1.000.000": "v2 point 0 point 1 of 1000000",
    "3 x 4, 3×4, 3*4, 5 - 3": "3 times 4, 3 times 4, 3 times 4, 5 minus 3",
    # addresses
    "See https://www.example.com/a/b?c=d.": "See example dot com.",
    "(http://x.io:80) or foo.bar.org/x, ok": "(x dot io) or foo dot bar dot org, ok",
    "bob.smith@example.com": "bob dot smith at example dot com",
    "@alice: #topic #1": "at alice: hashtag topic number 1",
    "open main.py or snake_case": "open main dot py or snake case",
    # abbreviations and capitals
    "e.g. this, i.e., that": "for example, this, that is, that",
    "apples, etc. and pears etc.": "apples, et cetera and pears et cetera.",
    "Prof. X vs. Dr. Who, No. 5": "Professor X versus Dr Who, number 5",
    "AI, an API, two URLs": "A I, an A P I, two U R L's",
    "IT IS LATE FOR US": "IT IS LATE FOR US",
    "C++, C#, R&D": "C plus plus, C sharp, R and D",
    "hmm, mhm": "hum, uh huh",
    # Markdown
    "**Note:** `x` is _good_, *very* ~~bad~~": "Note: x is good, very bad",
    "# Title\n\n- one\n- two\n\nEnd.": "Title. one. two. End.",
    "[the docs](https://a.b/c) <b>now</b>": "the docs now",
    "```python\nprint(1)\n```": "print(1).",
    # signs
    "1 + 1 = 2, a & b, x < y": "1 plus 1 equals 2, a and b, x less than y",
    "~5 | x^2 \\ {y}": "about 5, x 2 y",
    # nothing to say
    "": "",
    " ...!?": "",
    "😀 \u200b\n": "",
}


@pytest.mark.parametrize("text", SAID)
def test_is_read_as(text):
    assert normalise(text) == SAID[text]


HOSTILE = [
    "a" * 4000, "9" * 4000, "a." * 2000, "a@" * 2000, "*a " * 1333, "[" * 4000, "```" * 1333, "$1" * 2000, "\n" * 4000,
    " " * 3999 + "a", "1:11:" * 800, "1,111" * 800, "- \n" * 1333, "http://" * 571, "😀" * 4000, "ﷺ" * 4000,
    "\0\x1b\x7f", "\ud800", "\u202eabc", "a" + "\u0301" * 3999, "'" * 4000, "%s%n" * 1000,
]  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_text_becomes_short_words_in_printable_ascii(text):
    said = normalise(text)
    assert said.isascii() and said.isprintable()
    assert max(map(len, said.split()), default=0) <= MAX_TOKEN


def test_random_text_becomes_clauses_in_printable_ascii():
    draw = random.Random(1)
    letters = string.printable + "éß€£°½—…😀\u202e你"
    for _ in range(500):
        for clause in clauses(normalise("".join(draw.choices(letters, k=draw.randint(0, 300))))):
            assert clause.isascii() and clause.isprintable() and 0 < len(clause) <= MAX_CLAUSE


def test_what_is_read_out_once_is_not_changed_by_a_second_reading():
    for said in SAID.values():
        assert normalise(said).rstrip(".") == said.rstrip(".")


def test_a_text_is_cut_between_sentences_but_not_after_an_initial():
    assert clauses("I met J. R. Hill. He left! Why? So.") == ["I met J. R. Hill.", "He left!", "Why?", "So."]


def test_a_long_sentence_is_cut_at_its_marks_then_before_conjunctions_then_between_words():
    marked = "We walked along the river for most of the day, talked about the boats, and came home when it was dark."
    assert clauses(marked) == [
        "We walked along the river for most of the day, talked about the boats,",
        "and came home when it was dark.",
    ]
    joined = (
        "We walked along the river for most of the long and very hot day because nobody had told us about the train"
    )
    assert clauses(joined)[1].startswith("because ")
    assert clauses("word " * 50) == [" ".join(["word"] * 20), " ".join(["word"] * 20), " ".join(["word"] * 10)]


def test_cutting_loses_no_word():
    text = "One, two and three; " * 40 + "end. " + "x" * 40
    assert " ".join(clauses(text)).split() == text.split()
