"""How long a pause may last, and what a speaker's habits change about it."""

from actors.llm.patience import GOES_ON, KNOWN_MS, LEAST_MS, MOST_MS, Patience
from protocol.clock import MS

LOOKS = list(GOES_ON)


def wait_ms(patience: Patience, look: str, asked: bool = False) -> float:
    return patience.of(look, asked) / MS


def test_the_more_finished_the_words_look_the_shorter_is_the_wait():
    waits = [wait_ms(Patience(), look) for look in LOOKS]
    assert LOOKS == ["certain", "complete", "likely", "unsure", "open"]
    assert waits == sorted(set(waits))
    assert waits[0] < 300 and 1000 < waits[-1] < MOST_MS


def test_a_short_answer_to_a_question_is_waited_for_less_but_not_where_it_is_open():
    patience = Patience()
    assert wait_ms(patience, "unsure", asked=True) == wait_ms(patience, "complete")
    assert wait_ms(patience, "open", asked=True) == wait_ms(patience, "open")
    assert wait_ms(patience, "certain", asked=True) == wait_ms(patience, "certain")


def test_who_goes_on_is_given_more_time_next_time_most_after_words_of_the_same_look():
    patience = Patience()
    patience.went_on("complete", 700 * MS)
    longer = {look: wait_ms(patience, look) - wait_ms(Patience(), look) for look in LOOKS}
    assert longer["complete"] > longer["certain"] > 0 < longer["likely"]


def test_who_hesitates_in_unfinished_sentences_is_given_more_time_after_finished_ones_too():
    patience = Patience()
    for _ in range(20):
        patience.went_on("open", 800 * MS)
    assert wait_ms(patience, "complete") > 1.5 * wait_ms(Patience(), "complete")


def test_the_wait_for_one_who_often_goes_on_is_longer_than_most_of_his_pauses():
    patience = Patience()
    for pause_ms in range(300, 700, 10):
        patience.went_on("likely", pause_ms * MS)
    assert wait_ms(patience, "likely") > 640 + KNOWN_MS


def test_clean_turns_shorten_it_again_but_nobody_is_answered_into_his_breath():
    patience = Patience()
    patience.went_on("complete", 700 * MS)
    longest = wait_ms(patience, "complete")
    for _ in range(100):
        patience.over("complete")
    assert LEAST_MS <= wait_ms(patience, "complete") < wait_ms(Patience(), "complete") < longest


def test_one_endless_pause_does_not_make_anyone_wait_forever():
    patience = Patience()
    for _ in range(100):
        patience.went_on("certain", 60_000 * MS)
    assert wait_ms(patience, "certain") == MOST_MS
