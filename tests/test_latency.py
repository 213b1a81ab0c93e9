"""The chain of times of a turn, from messages as they pass; and what drafts cost that came to nothing."""

import numpy as np
import pytest

from actors.step import Input
from actors.transport.latency import Latency, Log, quantile
from protocol.clock import MS, SECOND
from protocol.envelope import Envelope
from protocol.messages import Face, Frame, Packet, Playout, Reply, Speech, Transcript, Turn, Voice
from protocol.topics import of
from tools import turns

END_NS = 5 * SECOND  # the user's last sound


class Tape:
    def __init__(self):
        self.log = Log()
        self.latency = Latency(self.log)

    def hears(self, ms: float, message, turn: int = 0, content=None) -> None:
        topic = of(message)
        sent_ns = END_NS + int(ms * MS)
        envelope = Envelope(topic=topic.name, actor=topic.owner, turn=turn, boot=1, seq=1, sent_ns=sent_ns)
        self.latency.take(Input(envelope, message, content))

    def voice(self, ms: float, turn: int, length_ms: int = 20) -> None:
        block = np.zeros(length_ms * 16, np.int16)
        self.hears(ms, Voice(sample_rate_hz=16000, start_sample=0, sentence=0), turn, block)

    def pause(self, utterance: int = 1) -> None:
        self.hears(120, Speech(state="paused", utterance=utterance, at_sample=0, at_ns=END_NS))
        self.hears(125, Transcript(utterance=utterance, stage="provisional", text="hello"))

    def turn(self, number: int = 1, token_ms: float | None = None) -> None:
        self.pause()
        token_ns = 0 if token_ms is None else END_NS + int(token_ms * MS)
        self.hears(130, Reply(sentence=0, text="Hi.", token_ns=token_ns), number)
        self.hears(131, Reply(sentence=1, text="You.", last=True), number)
        self.voice(150, number)
        self.voice(160, number)
        self.hears(240, Turn(state="committed", utterance=1), number)
        self.hears(245, Face(frame=1, weights=(0.0,) * 52), number)  # outside the reply
        self.hears(250, Face(frame=2, offset_ns=0, weights=(0.0,) * 52), number)
        self.hears(260, Frame(frame=2, offset_ns=0, width=64, height=64), number)
        self.hears(265, Packet(frame=2, offset_ns=0), number)
        self.hears(300, Face(frame=3, offset_ns=33, weights=(0.0,) * 52), number)
        self.latency.played(number, Playout(state="started", anchor_ns=END_NS + 280 * MS, heard_ms=0))


@pytest.fixture
def tape() -> Tape:
    return Tape()


def test_every_stage_of_a_turn_is_timed_from_the_end_of_speech(tape):
    tape.turn(token_ms=128)
    (turn,) = tape.log.report()["turns"]
    assert turn == {
        "turn": 1, "utterance": 1, "drafted": True, "provisional": 125, "first_token": 128, "first_sentence": 130,
        "first_audio": 150, "commit": 240, "first_weights": 250, "first_frame": 260, "first_packet": 265, "heard": 280,
    }  # fmt: skip


def test_a_stage_that_did_not_happen_is_none_and_a_turn_that_was_not_heard_is_not_listed(tape):
    tape.turn()
    assert tape.log.report()["turns"][0]["first_token"] is None
    tape.hears(900, Reply(sentence=0, text="Hi."), 2)
    tape.hears(910, Turn(state="committed", utterance=1), 2)
    tape.hears(950, Turn(state="cancelled", utterance=1), 2)
    assert len(tape.log.report()["turns"]) == 1


def test_a_turn_whose_answer_was_begun_after_it_was_certain_is_no_draft(tape):
    tape.pause()
    tape.hears(1300, Turn(state="committed", utterance=1), 4)
    tape.hears(1305, Reply(sentence=0, text="Hi.", last=True), 4)
    for state in ("started", "finished"):
        tape.latency.played(4, Playout(state=state, anchor_ns=END_NS + 1350 * MS, heard_ms=0))
    report = tape.log.report()
    assert report["turns"][0]["drafted"] is False
    assert report["drafts"] | {"drafted": 0, "not_drafted": 1} == report["drafts"]


def test_what_was_made_in_vain_is_counted(tape):
    tape.pause()
    tape.hears(130, Reply(sentence=0, text="Hi."), 1)
    tape.voice(150, 1, 300)
    tape.hears(400, Turn(state="cancelled", utterance=1, reason="the user went on"), 1)
    tape.turn(2)
    assert tape.log.report()["drafts"] == {
        "drafted": 1, "not_drafted": 0, "thrown_away": 1, "wasted_sentences": 1, "wasted_voice_ms": 300,
    }  # fmt: skip


def test_a_reply_that_is_interrupted_was_not_made_in_vain(tape):
    tape.turn(1)
    tape.hears(900, Turn(state="cancelled", utterance=1, reason="interrupted"), 1)
    assert tape.log.report()["drafts"]["thrown_away"] == 0


def test_the_last_hundred_turns_are_kept_with_their_quantiles():
    log = Log()
    for number in range(150):
        one = Tape()
        one.log = one.latency._log = log
        one.turn(number + 1)
    report = log.report()
    assert [turn["turn"] for turn in report["turns"]] == list(range(51, 151))
    assert report["p50"]["heard"] == report["p95"]["heard"] == 280 and report["p50"]["first_token"] is None


def test_nothing_grows_with_a_call_that_never_ends(tape):
    for number in range(1000):
        tape.hears(0, Reply(sentence=0, text="Hi."), number)
        tape.hears(0, Speech(state="paused", utterance=number, at_sample=0, at_ns=0))
        tape.hears(0, Transcript(utterance=number, stage="provisional", text=""))
    kept = (tape.latency._open, tape.latency._silent_ns, tape.latency._provisional_ns)
    assert max(map(len, kept)) <= 16


def test_the_table_has_a_column_for_each_stage_in_order_and_the_quantiles_below(tape):
    tape.turn()
    rows = turns.rows(tape.log.report())
    assert rows[0] == (
        "TURN", "PROVISIONAL", "FIRST SENTENCE", "FIRST AUDIO", "COMMIT", "FIRST WEIGHTS", "FIRST FRAME",
        "FIRST PACKET", "HEARD",
    )  # fmt: skip
    assert rows[1] == ("1", "125", "130", "150", "240", "250", "260", "265", "280")
    assert [row[0] for row in rows] == ["TURN", "1", "p50", "p95"]


def test_pictures_of_a_dead_turn_that_are_still_under_way_are_no_draft(tape):
    tape.turn(1)
    tape.hears(900, Turn(state="cancelled", utterance=1, reason="interrupted"), 1)
    tape.hears(905, Frame(frame=9, offset_ns=66, width=64, height=64), 1)
    tape.hears(910, Packet(frame=9, offset_ns=66), 1)
    tape.turn(2)
    tape.hears(2000, Turn(state="cancelled", utterance=1, reason="interrupted"), 2)
    assert tape.log.report()["drafts"]["thrown_away"] == 0


def test_a_picture_that_comes_after_the_sound_has_begun_is_timed_too(tape):
    tape.pause()
    tape.hears(130, Reply(sentence=0, text="Hi.", last=True), 1)
    tape.voice(150, 1)
    tape.hears(240, Turn(state="committed", utterance=1), 1)
    tape.latency.played(1, Playout(state="started", anchor_ns=END_NS + 320 * MS, heard_ms=0))
    assert tape.log.report()["turns"] == []
    tape.hears(380, Face(frame=2, offset_ns=0, weights=(0.0,) * 52), 1)
    tape.hears(400, Frame(frame=2, offset_ns=0, width=64, height=64), 1)
    tape.hears(410, Packet(frame=2, offset_ns=0), 1)
    (turn,) = tape.log.report()["turns"]
    assert (turn["first_weights"], turn["first_frame"], turn["first_packet"]) == (380, 400, 410)


def test_a_turn_without_a_picture_is_listed_once_when_it_is_over(tape):
    tape.pause()
    tape.hears(240, Turn(state="committed", utterance=1), 1)
    for state in ("started", "playing", "finished"):
        tape.latency.played(1, Playout(state=state, anchor_ns=END_NS + 320 * MS, heard_ms=0))
    tape.hears(900, Turn(state="committed", utterance=1), 2)
    (turn,) = tape.log.report()["turns"]
    assert turn["heard"] == 320 and turn["first_packet"] is None


def test_a_vad_that_counts_anew_after_a_long_call_is_timed(tape):
    for utterance in range(100, 140):
        tape.pause(utterance)
    tape.turn(1)
    assert [turn["heard"] for turn in tape.log.report()["turns"]] == [280]


def test_a_turn_older_than_all_that_are_open_breaks_nothing(tape):
    for number in range(20, 40):
        tape.hears(0, Reply(sentence=0, text="Hi."), number)
    tape.hears(1, Reply(sentence=0, text="Hi."), 2)
    tape.turn(41)
    assert [turn["turn"] for turn in tape.log.report()["turns"]] == [41]


def test_words_of_an_earlier_pause_are_not_those_of_the_last(tape):
    tape.hears(-900, Transcript(utterance=1, stage="provisional", text="hello"))
    tape.hears(120, Speech(state="ended", utterance=1, at_sample=0, at_ns=END_NS))
    tape.hears(240, Turn(state="committed", utterance=1), 1)
    tape.latency.played(1, Playout(state="started", anchor_ns=END_NS + 320 * MS, heard_ms=0))
    tape.latency.played(1, Playout(state="finished", anchor_ns=END_NS + 320 * MS, heard_ms=0))
    assert tape.log.report()["turns"][0]["provisional"] is None


def test_a_draft_given_up_before_its_first_sentence_was_thrown_away(tape):
    tape.pause()
    tape.hears(400, Turn(state="cancelled", utterance=1, reason="the user went on"), 1)
    assert tape.log.report()["drafts"]["thrown_away"] == 1


@pytest.mark.parametrize(("count", "p50", "p95"), [(1, 1, 1), (2, 1, 2), (20, 10, 19), (100, 50, 95)])
def test_a_quantile_is_the_smallest_value_that_so_many_of_them_do_not_exceed(count, p50, p95):
    values = [None, *range(count, 0, -1)]
    assert (quantile(values, 0.5), quantile(values, 0.95)) == (p50, p95)
