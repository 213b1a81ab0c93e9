"""How long a pause may last, and what a speaker's habits change about it."""

from actors.llm.patience import BASE_MS, MARGIN_MS, MOST_MS, Patience
from protocol.clock import MS


def test_the_more_finished_the_words_look_the_shorter_is_the_wait():
    waits = [Patience().of(look, asked=False) for look in BASE_MS]
    assert waits == sorted(waits) == [base_ms * MS for base_ms in BASE_MS.values()]
    assert list(BASE_MS) == ["certain", "complete", "likely", "unsure", "open"]


def test_a_short_answer_to_a_question_is_waited_for_less_but_not_where_it_is_open():
    patience = Patience()
    assert patience.of("unsure", asked=True) < patience.of("unsure", asked=False)
    assert patience.of("open", asked=True) == patience.of("open", asked=False)


def test_one_long_pause_lengthens_the_wait_at_once_and_only_for_words_of_that_look():
    patience = Patience()
    patience.went_on("complete", 700 * MS)
    assert patience.of("complete", asked=False) == (700 + MARGIN_MS) * MS
    assert patience.of("certain", asked=False) == BASE_MS["certain"] * MS


def test_clean_turns_shorten_it_again():
    patience = Patience()
    patience.went_on("complete", 700 * MS)
    for _ in range(18):
        patience.over("complete")
    assert patience.of("complete", asked=False) > BASE_MS["complete"] * MS
    patience.over("complete")  # one in twenty
    assert patience.of("complete", asked=False) == BASE_MS["complete"] * MS


def test_pauses_shorter_than_the_wait_change_nothing_and_none_is_waited_for_forever():
    patience = Patience()
    patience.went_on("certain", 50 * MS)
    assert patience.of("certain", asked=False) == BASE_MS["certain"] * MS
    patience.went_on("certain", 60_000 * MS)
    assert patience.of("certain", asked=False) == MOST_MS * MS
