"""What a sentence's times tell about how it is said."""

import pytest

from actors.animator.prosody import Sentence
from protocol.messages import Phones


def sentence(words: str, vowels_ms: dict[str, int], pauses: dict[str, int] | None = None, **more) -> Sentence:
    """Each word a /t/ of 60 ms and a vowel of 100 ms, or as long as ``vowels_ms`` says; silence after some."""
    names, ends, starts_ms, ends_ms, now = [], [], [], [], 0.0
    for word in words.split():
        starts_ms.append(now)
        for name, length in (("t", 60), ("aa", vowels_ms.get(word, 100))):
            now += length
            names.append(name)
            ends.append(now)
        ends_ms.append(now)
        if word in (pauses or {}):
            now += pauses[word]
            names.append("pau")
            ends.append(now)
    times = dict(word_starts_ms=tuple(starts_ms), word_ends_ms=tuple(ends_ms))
    given = dict(sentence=0, start_ms=0.0, names=tuple(names), ends_ms=tuple(ends), words=tuple(words.split()))
    return Sentence.of(Phones(**given, **times, **more), 5.0, True)


def test_the_longer_its_vowel_the_stronger_a_word_is_stressed():
    said = sentence("people laugh about mountains today", {"laugh": 200, "about": 60})
    strengths = [stress.strength for stress in said.stresses]
    assert len(strengths) == 5
    assert strengths[1] == max(strengths) and strengths[2] == min(strengths)
    assert all(0 <= strength <= 1 for strength in strengths)


def test_a_stress_lies_in_the_middle_of_its_vowel_in_the_time_of_the_face():
    stress = sentence("people laugh", {}).stresses[1]
    assert stress.at_s == pytest.approx(5.0 + 0.160 + 0.060 + 0.050)
    assert stress.ends_s == pytest.approx(5.320)


def test_light_words_are_never_stressed():
    assert sentence("it is not the one with you", {"not": 300}).stresses[0].at_s > 5.7  # only "one"
    assert sentence("it is the", {}).stresses == ()


def test_the_long_vowel_that_ends_every_phrase_counts_for_less():
    inside = sentence("green mountains fall today", {"mountains": 160}).stresses[1]
    final = sentence("green lakes fall mountains", {"mountains": 160}).stresses[3]
    assert final.strength < inside.strength


def test_a_silence_between_words_begins_a_phrase():
    said = sentence("people laugh but nobody cries", {}, {"laugh": 100})
    assert said.phrases == (pytest.approx((5.0, 5.32)), pytest.approx((5.42, 5.90)))
    assert said.end_s == pytest.approx(5.90)


def test_a_question_is_known_by_its_first_word():
    assert sentence("would you like one", {}).asks and sentence("What happened", {}).asks
    assert not sentence("you would like one", {}).asks


def test_a_silent_sentence_has_no_words_no_phrases_and_no_stress():
    said = Sentence.of(Phones(sentence=0, start_ms=40.0, names=("pau",), ends_ms=(60.0,), mood="sad"), 5.0, False)
    assert (said.start_s, said.end_s, said.phrases, said.stresses, said.asks) == (5.04, 5.04, (), (), False)
