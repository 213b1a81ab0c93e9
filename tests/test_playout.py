"""The playout clock in virtual time: when which sound and which picture of a reply leaves."""

from collections import Counter

import numpy as np
import pytest

from actors.step import Input
from actors.transport.media import PACKET_NS, PACKET_SAMPLES
from actors.transport.playout import DRY_NS, HOLD_NS, SILENCE, Playout
from protocol.clock import MS, SECOND
from protocol.envelope import Envelope
from protocol.messages import OUTSIDE_REPLY, Floor, Packet, Turn, Voice

ZERO_NS = 1000 * SECOND
LEVEL = 10_000  # of the test sound: constant, so that what is missing or faded shows


class Scene:
    """Says what actors say, and ticks the media clock; notes what leaves and when (ms since the call began)."""

    def __init__(self):
        self.counts = Counter()
        self.playout = Playout(ZERO_NS, self.counts)
        self.index = 0
        self.sounds: list[np.ndarray] = []
        self.pictures: list[tuple[float, bytes, int]] = []  # (ms, data, pts)
        self.said: list[tuple[float, int, str, float, float]] = []  # (ms, turn, state, anchor ms, heard ms)
        self.begun: list[tuple[float, int, int]] = []
        self.now_ms = 0.0

    def say(self, message, turn: int, content=None) -> None:
        envelope = Envelope(topic="", actor="test", session="s", turn=turn, boot=1, seq=1, sent_ns=0)
        self.playout.take(Input(envelope, message, content), self._now_ns())
        self._look()

    def voice(self, turn: int, start_ms: int, ms: int, last=False, rate=48_000, level=LEVEL, sentence=0) -> None:
        block = np.full(ms * rate // 1000, level, np.int16)
        start = start_ms * rate // 1000
        self.say(Voice(sample_rate_hz=rate, start_sample=start, sentence=sentence, last=last), turn, block)

    def picture(self, name: bytes, turn: int = 0, offset_ms: float | None = None) -> None:
        offset_ns = OUTSIDE_REPLY if offset_ms is None else int(offset_ms * MS)
        self.say(Packet(frame=0, offset_ns=offset_ns), turn, np.frombuffer(name, np.uint8))

    def commit(self, turn: int) -> None:
        self.say(Turn(state="committed"), turn)

    def cancel(self, turn: int) -> None:
        self.say(Turn(state="cancelled"), turn)

    def until(self, ms: float) -> None:
        """Lets the clock run: sound on its deadlines, pictures as soon as they are due."""
        while True:
            deadline_ms = self.index * PACKET_NS / MS
            picture_ns = self.playout.picture_ns
            picture_ms = deadline_ms if picture_ns is None else (picture_ns - ZERO_NS) / MS
            next_ms = max(self.now_ms, min(deadline_ms, picture_ms))
            if next_ms > ms:
                break
            self.now_ms = next_ms
            if next_ms >= deadline_ms:
                self.sounds.append(self.playout.sound(self.index))
                self.index += 1
            self._look()
        self.now_ms = ms

    def _now_ns(self) -> int:
        return ZERO_NS + int(self.now_ms * MS)

    def _look(self) -> None:
        now = self.now_ms
        self.pictures += [(now, p.data.tobytes(), p.pts) for p in self.playout.pictures(self._now_ns())]
        for output in self.playout.said():
            m = output.message
            self.said.append((now, output.turn, m.state, (m.anchor_ns - ZERO_NS) / MS, m.heard_ms))
        self.begun += [(now, *one) for one in self.playout.begun()]

    def states(self) -> list[tuple[float, int, str]]:
        return [(ms, turn, state) for ms, turn, state, _, _ in self.said if state != "playing"]

    def loud(self) -> list[int]:
        """The packets that are not silence."""
        return [k for k, sound in enumerate(self.sounds) if sound.any()]


@pytest.fixture
def scene():
    return Scene()


def test_silence_plays_while_nothing_is_said(scene):
    scene.until(100)
    assert len(scene.sounds) == 6
    assert all(sound is SILENCE for sound in scene.sounds) and scene.said == []


def test_a_reply_plays_on_the_next_deadline_once_sound_and_picture_are_there(scene):
    scene.until(30)
    scene.commit(1)
    scene.voice(1, 0, 100, last=True)
    scene.picture(b"a", 1, 0)
    scene.until(200)
    assert scene.states() == [(40, 1, "started"), (120, 1, "finished")]
    assert scene.said[0][3:] == (40, 0)
    assert scene.said[-1][4] == pytest.approx(100)
    assert scene.loud() == [2, 3, 4, 5, 6]


def test_the_sound_comes_out_as_it_went_in(scene):
    noise = np.random.default_rng(7).integers(-9000, 9000, 4800).astype(np.int16)
    scene.commit(1)
    for start in range(0, 4800, 800):  # blocks that do not fit packets
        message = Voice(sample_rate_hz=48_000, start_sample=start, sentence=0, last=start == 4000)
        scene.say(message, 1, noise[start : start + 800])
    scene.picture(b"a", 1, 0)
    scene.until(200)
    assert np.array_equal(np.concatenate(scene.sounds)[:4800], noise)


def test_a_voice_at_16_khz_has_no_seams_at_its_blocks(scene):
    tone = 8000 * np.sin(2 * np.pi * 440 * np.arange(16_000) / 16_000)
    scene.commit(1)
    for start in range(0, 16_000, 320):
        message = Voice(sample_rate_hz=16_000, start_sample=start, sentence=0, last=start == 15_680)
        scene.say(message, 1, tone[start : start + 320].astype(np.int16))
    scene.picture(b"a", 1, 0)
    scene.until(1100)
    heard = np.concatenate(scene.sounds)[:48_000]
    wanted = 8000 * np.sin(2 * np.pi * 440 * np.arange(48_000) / 48_000)
    assert np.abs(heard - wanted)[480:-480].max() < 16  # -54 dB
    assert scene.said[-1][2:] == ("finished", 0, pytest.approx(1000))


def test_nothing_of_a_turn_plays_before_it_is_committed(scene):
    scene.voice(1, 0, 200, last=True)
    scene.picture(b"a", 1, 0)
    scene.until(150)
    assert scene.loud() == [] and scene.pictures == [] and scene.said == []
    scene.commit(1)
    scene.until(170)
    assert scene.states() == [(160, 1, "started")]
    assert scene.pictures == [(160, b"a", 160 * 90)]


def test_without_a_picture_a_reply_begins_30_ms_after_its_sound(scene):
    scene.commit(1)
    scene.until(30)
    scene.voice(1, 0, 100)
    scene.until(300)
    assert scene.states() == [(60, 1, "started")]  # 30 + 30 is a deadline


def test_pictures_leave_at_anchor_plus_offset_and_in_order(scene):
    scene.commit(1)
    for k in range(6):
        scene.picture(b"%d" % k, 1, k * 100 / 3)
    scene.until(10)
    scene.voice(1, 0, 400, last=True)
    scene.until(300)
    assert [(ms, data) for ms, data, _ in scene.pictures] == [
        (pytest.approx(20 + k * 100 / 3), b"%d" % k) for k in range(6)
    ]
    assert [pts for _, _, pts in scene.pictures] == [pytest.approx((20 + k * 100 / 3) * 90, abs=1) for k in range(6)]
    assert not scene.counts


def test_pictures_outside_a_reply_leave_at_once(scene):
    scene.until(33)
    scene.picture(b"idle")
    assert scene.pictures == [(33, b"idle", 33 * 90)]


def test_pictures_behind_a_held_one_wait_for_it(scene):
    scene.until(10)
    scene.picture(b"reply", 1, 0)
    scene.picture(b"idle")
    scene.until(70)
    assert scene.pictures == []
    scene.commit(1)
    scene.voice(1, 0, 100)
    scene.until(90)
    assert [(ms, data) for ms, data, _ in scene.pictures] == [(80, b"reply"), (80, b"idle")]


def test_times_of_pictures_only_grow(scene):
    scene.commit(1)
    scene.voice(1, 0, 400, last=True)
    scene.picture(b"a", 1, 0)
    scene.until(100)
    for name in b"bcd":
        scene.picture(bytes([name]), 1, 50)  # all for the same moment, and that has passed
    scene.picture(b"e")
    times = [pts for _, _, pts in scene.pictures]
    assert len(times) == 5 and all(later - earlier >= 90 for earlier, later in zip(times, times[1:], strict=False))


def test_a_late_picture_leaves_at_once_and_is_counted(scene):
    scene.commit(1)
    scene.voice(1, 0, 400, last=True)
    scene.picture(b"a", 1, 0)
    scene.until(150)
    scene.picture(b"on time", 1, 135)
    scene.picture(b"late", 1, 100)
    assert [(ms, data) for ms, data, _ in scene.pictures[1:]] == [(150, b"on time"), (150, b"late")]
    assert scene.counts == {"late video": 1}


def test_no_picture_is_held_longer_than_half_a_second(scene):
    scene.picture(b"a", 1, 0)
    scene.until(HOLD_NS / MS - 1)
    assert scene.pictures == []
    scene.until(HOLD_NS / MS)
    assert [data for _, data, _ in scene.pictures] == [b"a"] and scene.counts == {"held video": 1}


def test_a_cancelled_reply_fades_out_within_40_ms_and_stops(scene):
    scene.commit(1)
    scene.voice(1, 0, 1000, last=True)
    scene.picture(b"a", 1, 0)
    scene.until(210)
    scene.cancel(1)
    scene.until(400)
    assert scene.states() == [(0, 1, "started"), (210, 1, "stopped")]
    assert scene.said[-1][4] == pytest.approx(220)  # 11 packets were sent
    fade = np.concatenate(scene.sounds[11:13]).astype(int)
    assert fade[0] > 0.99 * LEVEL and fade[-1] < 0.01 * LEVEL and (np.diff(fade) <= 0).all()
    assert np.abs(np.diff(fade)).max() < 10
    assert not np.any(scene.sounds[13:])


def test_the_fade_takes_what_is_left(scene):
    scene.commit(1)
    scene.voice(1, 0, 110)
    scene.picture(b"a", 1, 0)
    scene.until(85)  # 100 ms are sent, 10 are left
    scene.cancel(1)
    scene.until(200)
    fade = scene.sounds[5].astype(int)
    assert fade[0] > 0.98 * LEVEL and fade[470] < 0.01 * LEVEL and not fade[480:].any()
    assert not np.any(scene.sounds[6:])


def test_pictures_of_a_cancelled_reply_leave_at_once_because_others_need_them(scene):
    scene.commit(1)
    scene.voice(1, 0, 1000)
    for k in range(4):
        scene.picture(b"%d" % k, 1, 100 * k)
    scene.until(110)
    assert [data for _, data, _ in scene.pictures] == [b"0", b"1"]
    scene.cancel(1)
    assert [(ms, data) for ms, data, _ in scene.pictures[2:]] == [(110, b"2"), (110, b"3")]


def test_a_turn_cancelled_before_it_began_is_never_heard_of(scene):
    scene.voice(1, 0, 100, last=True)
    scene.cancel(1)
    scene.commit(1)
    scene.voice(1, 100, 100)
    scene.until(300)
    assert scene.said == [] and scene.loud() == [] and scene.counts == {"dead voice": 1}


def test_where_the_voice_runs_dry_silence_plays_and_the_anchor_moves_on(scene):
    scene.commit(1)
    scene.voice(1, 0, 60)
    scene.picture(b"a", 1, 0)
    scene.picture(b"later", 1, 70)
    scene.until(99)  # packets 0, 1, 2 are sound, 3 and 4 are dry
    scene.voice(1, 60, 60, last=True)
    scene.until(200)
    assert scene.loud() == [0, 1, 2, 5, 6, 7]
    assert scene.counts == {"underrun voice": 2}
    assert [anchor for ms, _, state, anchor, _ in scene.said if ms >= 100] == [40, 40]
    assert scene.said[-1][2:] == ("finished", 40, pytest.approx(120))
    assert [(ms, data) for ms, data, _ in scene.pictures] == [(0, b"a"), (110, b"later")]


def test_a_reply_whose_voice_never_comes_back_is_given_up(scene):
    scene.commit(1)
    scene.voice(1, 0, 20)
    scene.picture(b"a", 1, 0)
    scene.until(DRY_NS / MS + 200)
    assert scene.states() == [(0, 1, "started"), (DRY_NS / MS, 1, "stopped")]


def test_a_block_lost_on_the_way_becomes_silence_in_its_place(scene):
    scene.commit(1)
    scene.voice(1, 0, 40)
    scene.voice(1, 80, 40, last=True)
    scene.picture(b"a", 1, 0)
    scene.until(200)
    assert scene.loud() == [0, 1, 4, 5] and scene.counts == {"missing voice": 1}


def test_a_block_that_comes_twice_plays_once(scene):
    scene.commit(1)
    scene.voice(1, 0, 40)
    scene.voice(1, 0, 40)
    scene.voice(1, 20, 40, last=True)
    scene.picture(b"a", 1, 0)
    scene.until(200)
    assert scene.loud() == [0, 1, 2]


def test_replies_play_one_after_the_other(scene):
    for turn in (1, 2):
        scene.commit(turn)
        scene.voice(turn, 0, 60, last=True, level=LEVEL * turn)
        scene.picture(b"%d" % turn, turn, 0)
    scene.until(200)
    assert scene.states() == [(0, 1, "started"), (40, 1, "finished"), (60, 2, "started"), (100, 2, "finished")]
    assert [sound.max() for sound in scene.sounds[:7]] == [LEVEL] * 3 + [2 * LEVEL] * 3 + [0]
    assert [(ms, data) for ms, data, _ in scene.pictures] == [(0, b"1"), (60, b"2")]


def test_the_next_turn_takes_over_from_one_that_ran_dry(scene):
    scene.commit(1)
    scene.voice(1, 0, 40)
    scene.picture(b"1", 1, 0)
    scene.until(70)
    scene.commit(2)
    scene.voice(2, 0, 40, last=True)
    scene.picture(b"2", 2, 0)
    scene.until(200)
    assert scene.states() == [(0, 1, "started"), (80, 1, "stopped"), (80, 2, "started"), (100, 2, "finished")]


def test_progress_is_told_ten_times_a_second_with_what_was_heard(scene):
    scene.commit(1)
    scene.voice(1, 0, 1000, last=True)
    scene.picture(b"a", 1, 0)
    scene.until(1100)
    playing = [(ms, heard) for ms, _, state, _, heard in scene.said if state == "playing"]
    assert playing == [(ms, pytest.approx(ms)) for ms in range(100, 1000, 100)]


def test_skipped_packets_move_the_anchor_and_lose_no_sound(scene):
    scene.commit(1)
    scene.voice(1, 0, 100, last=True)
    scene.picture(b"a", 1, 0)
    scene.until(30)
    scene.index += 10  # the process slept for 200 ms
    scene.until(400)
    assert sum(np.count_nonzero(sound) for sound in scene.sounds) == 5 * PACKET_SAMPLES
    assert scene.said[-1][2:] == ("finished", 200, pytest.approx(100))


def test_a_sentence_begins_with_its_first_sound(scene):
    scene.commit(1)
    for sentence, start_ms in enumerate((0, 50, 100)):
        scene.voice(1, start_ms, 50, last=sentence == 2, sentence=sentence)
    scene.picture(b"a", 1, 0)
    scene.until(300)
    assert scene.begun == [(0, 1, 0), (40, 1, 1), (100, 1, 2)]


@pytest.mark.parametrize("start_ms", [3_000, 400_000])
def test_a_block_far_out_of_place_is_refused_and_counted(scene, start_ms):
    scene.commit(1)
    scene.voice(1, 0, 20)
    scene.voice(1, start_ms, 20)
    assert scene.counts == {"unusable voice": 1}


# ---- the user has the floor


def yielded(scene: Scene, turn: int) -> None:
    scene.say(Floor(state="yielded"), turn)


def taken(scene: Scene, turn: int, from_ms: float) -> None:
    scene.say(Floor(state="taken", from_ms=from_ms), turn)


def ramp(scene: Scene, turn: int, ms: int) -> np.ndarray:
    """A reply whose every sample is another, so that what is played twice or left out shows."""
    sound = np.arange(ms * 48).astype(np.int16)
    scene.say(Voice(sample_rate_hz=48_000, start_sample=0, sentence=0, last=True), turn, sound)
    scene.picture(b"a", turn, 0)
    scene.commit(turn)
    return sound


def test_a_voice_that_yields_fades_within_40_ms_and_waits_without_being_given_up(scene):
    scene.voice(1, 0, 2000, last=True)
    scene.picture(b"a", 1, 0)
    scene.commit(1)
    scene.until(500)
    yielded(scene, 1)
    scene.until(500 + 2 * DRY_NS / MS)
    after = np.concatenate(scene.sounds[26:])
    assert np.abs(after[:48]).max() > 0.9 * LEVEL and not after[1920:].any()
    assert (np.diff(np.abs(after[:1920].astype(int))) <= 0).all()
    assert [(ms, state, heard) for ms, _, state, _, heard in scene.said if state in ("held", "stopped")] == [
        (500, "held", 520)
    ]
    assert not scene.counts


def test_a_false_alarm_goes_on_where_it_is_told_to_and_leaves_nothing_out(scene):
    scene.until(0)
    sound = ramp(scene, 1, 1000)
    scene.until(500)
    before = len(scene.sounds)
    yielded(scene, 1)
    scene.until(800)
    taken(scene, 1, 420)
    scene.until(2000)
    again = np.concatenate(scene.sounds[before + 15 :])
    start = int(np.flatnonzero(again)[0] // 960 * 960)
    assert np.array_equal(again[start + 480 : start + 580 * 48], sound[420 * 48 + 480 :])
    playing = next(one for one in scene.said if one[0] > 800)
    assert playing[2] == "playing" and playing[3] == pytest.approx(playing[0] - 420)
    assert scene.states()[-1][2] == "finished" and scene.said[-1][4] == pytest.approx(1000)


def test_it_goes_on_softly_and_never_later_than_where_it_stopped(scene):
    ramp(scene, 1, 1000)
    scene.until(500)
    yielded(scene, 1)
    scene.until(700)
    taken(scene, 1, 5000)
    scene.until(2000)
    assert [m for m in scene.said if m[2] == "playing" and m[0] > 700][0][3] == pytest.approx(720 - 520, abs=21)
    rising = np.concatenate(scene.sounds[36:37])[:480].astype(int)
    assert rising[0] == 0 and (np.diff(rising) >= 0).all()


def test_a_reply_that_is_cancelled_while_it_waits_stops_where_it_was_heard(scene):
    ramp(scene, 1, 1000)
    scene.until(500)
    yielded(scene, 1)
    scene.until(700)
    scene.cancel(1)
    scene.until(1500)
    assert scene.states()[-1][2] == "stopped" and scene.said[-1][4] == 520
    assert not np.concatenate(scene.sounds[29:]).any()


def test_a_reply_that_has_not_begun_waits_until_the_floor_is_given_back(scene):
    yielded(scene, 1)
    ramp(scene, 1, 400)
    scene.until(300)
    assert not scene.loud() and not scene.said
    taken(scene, 1, 0)
    scene.until(1000)
    assert [state for _, _, state in scene.states()] == ["started", "finished"]


def test_the_next_turn_does_not_wait_for_one_that_does(scene):
    ramp(scene, 1, 1000)
    scene.until(300)
    yielded(scene, 1)
    scene.until(400)
    ramp(scene, 2, 400)
    scene.until(1000)
    assert [(turn, state) for _, turn, state in scene.states()] == [
        (1, "started"), (1, "held"), (1, "stopped"), (2, "started"), (2, "finished"),
    ]  # fmt: skip


def test_pictures_go_on_while_the_voice_waits_and_meet_it_when_it_goes_on(scene):
    ramp(scene, 1, 1000)
    scene.until(480)
    scene.picture(b"early", 1, 520)  # made just before
    yielded(scene, 1)
    scene.picture(b"listens")
    scene.until(700)
    assert [name for _, name, _ in scene.pictures] == [b"a", b"early", b"listens"]
    assert scene.pictures[-1][0] < 530
    taken(scene, 1, 420)
    scene.until(740)
    scene.picture(b"speaks", 1, 480)
    scene.until(900)
    anchor_ms = next(one[3] for one in scene.said if one[0] > 700)
    assert scene.pictures[-1][:2] == (pytest.approx(anchor_ms + 480), b"speaks")


def test_a_voice_made_long_before_its_turn_is_certain_still_waits_for_its_first_picture(scene):
    scene.voice(1, 0, 400, last=True)
    scene.until(1000)
    scene.commit(1)
    scene.until(1030)
    scene.picture(b"a", 1, 0)
    scene.until(2000)
    assert scene.states()[0] == (1040, 1, "started")


def test_yielding_twice_is_yielding_once(scene):
    ramp(scene, 1, 1000)
    scene.until(500)
    yielded(scene, 1)
    scene.until(700)
    yielded(scene, 1)
    scene.until(1000)
    assert [state for _, _, state in scene.states()] == ["started", "held"]
    assert not np.concatenate(scene.sounds[29:]).any()
