"""What the face does beside speaking: blinks, gaze, nods, brows and moods over minutes of virtual time."""

import numpy as np
import pytest

from actors.animator.behaviour import FULL_LOOK, Behaviour
from actors.arkit import ARKIT

FRAME_S = 1 / 30
INDEX = {name: i for i, name in enumerate(ARKIT)}

WORDS = ("what", "wonderful", "mountains", "surround", "the", "village")
STARTS = (10.0, 10.4, 11.0, 11.7, 12.2, 12.4)
ENDS = (10.4, 11.0, 11.7, 12.2, 12.4, 13.0)


class Life:
    """Frames of a behaviour: weights [n, 52], head angles [n, 3], place [n, 3], gaze [n, 2], times [n]."""

    def __init__(self, behaviour: Behaviour, seconds: float, state: str, start_s: float = 0.0):
        self.times = start_s + np.arange(int(seconds * 30)) * FRAME_S
        poses = [behaviour.pose(t, state) for t in self.times]
        self.weights, self.head, self.place, self.gaze = (np.array(part) for part in zip(*poses, strict=True))

    def weight(self, name: str) -> np.ndarray:
        return self.weights[:, INDEX[name]]


def runs(flags: np.ndarray) -> list[int]:
    """Lengths of the runs of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(int), [0]])))
    return (edges[1::2] - edges[::2]).tolist()


@pytest.mark.parametrize("state", ["idle", "listening", "thinking", "speaking"])
def test_it_blinks_eight_to_thirty_times_a_minute_and_closes_fully_each_time(state):
    lids = Life(Behaviour("blink"), 300, state).weight("eyeBlinkLeft")
    blinks = runs(lids > 0.9)
    assert 8 * 5 <= len(blinks) <= 30 * 5
    assert len(runs(lids > 0.5)) == len(blinks)
    assert max(runs(lids > 0.3)) <= 6  # frames


def test_lids_close_faster_than_they_open():
    lids = Life(Behaviour("lids"), 120, "idle").weight("eyeBlinkLeft")
    shut = lids > 0.9
    starts = np.flatnonzero(shut[1:] & ~shut[:-1]) + 1
    ends = np.flatnonzero(shut[:-1] & ~shut[1:])
    falling = np.mean([np.sum((lids[s - 3 : s] > 0.05) & (lids[s - 3 : s] < 0.9)) for s in starts if s > 3])
    rising = np.mean([np.sum((lids[e + 1 : e + 5] > 0.05) & (lids[e + 1 : e + 5] < 0.9)) for e in ends])
    assert falling < rising


def away(life: Life) -> np.ndarray:
    """Which frames look more than 5 degrees past the viewer."""
    seen = life.gaze + life.head[:, :2]
    return np.hypot(*seen.T) > np.radians(5)


def test_it_looks_at_the_viewer_while_it_listens_and_mostly_while_it_speaks_and_away_while_it_thinks():
    shares = {
        state: away(Life(Behaviour("gaze"), 180, state)).mean() for state in ("listening", "speaking", "thinking")
    }
    assert shares["listening"] < 0.06
    assert 0.03 < shares["speaking"] < 0.25
    assert shares["thinking"] > 0.6


def test_a_thinking_gaze_goes_up_and_to_a_side():
    life = Life(Behaviour("up"), 120, "thinking")
    seen = (life.gaze + life.head[:, :2])[away(life)]
    assert np.mean(seen[:, 1] > 0) > 0.9
    assert np.mean(np.abs(seen[:, 0]) > np.radians(8)) > 0.9


def test_it_returns_to_the_viewer_within_half_a_second_of_speaking_to_him():
    for seed in "abcdefghijklmnop":
        behaviour = Behaviour(seed)
        Life(behaviour, 5, "thinking")
        life = Life(behaviour, 0.7, "listening", 5.0)
        assert not away(life)[15:].all(), seed


def test_the_eyes_stay_on_what_they_see_while_the_head_moves():
    calm, nodding = Behaviour("vor"), Behaviour("vor")
    nodding.say(0.0, WORDS, STARTS, ENDS, "neutral")
    calm, nodding = Life(calm, 14, "listening"), Life(nodding, 14, "listening")
    assert np.abs(calm.head - nodding.head).max() > np.radians(1)
    assert np.ptp(calm.head[:, 0]) > np.radians(1)
    assert np.allclose(calm.gaze + calm.head[:, :2], nodding.gaze + nodding.head[:, :2])
    fixed = np.abs(np.diff(calm.gaze + calm.head[:, :2], axis=0))
    assert np.median(fixed[:, 0]) < 0.6 * np.median(np.abs(np.diff(calm.head[:, 0])))


def test_eye_shapes_agree_with_the_gaze_and_lids_follow_it_down():
    life = Life(Behaviour("eyes"), 120, "thinking")
    yaw, pitch = life.gaze.T
    assert np.allclose(life.weight("eyeLookOutLeft"), np.clip(yaw / FULL_LOOK["Out"], 0, 1))
    assert np.allclose(life.weight("eyeLookInRight"), np.clip(yaw / FULL_LOOK["In"], 0, 1))
    assert np.allclose(life.weight("eyeLookInLeft"), np.clip(-yaw / FULL_LOOK["In"], 0, 1))
    open_ = life.weight("eyeBlinkRight") == 0
    assert np.allclose(life.weight("eyeLookUpRight")[open_], np.clip(pitch / FULL_LOOK["Up"], 0, 1)[open_])
    life = Life(Behaviour("eyes"), 120, "idle")
    down = (life.gaze[:, 1] < np.radians(-4)) & (life.weight("eyeBlinkLeft") < 0.3)
    up = (life.gaze[:, 1] > 0) & (life.weight("eyeBlinkLeft") < 0.3)
    assert life.weight("eyeBlinkLeft")[down].mean() > life.weight("eyeBlinkLeft")[up].mean() + 0.02


def test_closed_lids_are_closed_wherever_the_eyes_look():
    life = Life(Behaviour("shut"), 300, "thinking")
    shut = life.weight("eyeBlinkLeft") == 1
    assert shut.sum() > 20
    for name in ("eyeLookUpLeft", "eyeLookDownLeft", "eyeWideLeft"):
        assert life.weight(name).max() > 0.01 and life.weight(name)[shut].max() == 0


def test_the_eyes_are_never_quite_still_and_jump_as_eyes_do():
    life = Life(Behaviour("still"), 60, "listening")
    steps = np.hypot(*np.diff(life.gaze + life.head[:, :2], axis=0).T)
    assert max(runs(steps < np.radians(0.1))) < 30 * 3
    assert np.sum(steps > np.radians(0.5)) > 10


def test_it_breathes_and_the_head_drifts_a_little():
    life = Life(Behaviour("breath"), 60, "idle")
    up = life.place[:, 1] - life.place[:, 1].mean()
    rate = np.fft.rfftfreq(len(up), FRAME_S)[np.abs(np.fft.rfft(up))[8:].argmax() + 8]
    assert 0.2 < rate < 0.3  # breaths a second
    assert 0.0005 < np.ptp(up) < 0.01  # metres
    assert np.radians(0.5) < life.head.std(0).max() < np.radians(4)


def test_it_nods_when_the_user_pauses():
    depths = []
    for seed in range(20):
        calm, nodding = Behaviour(f"{seed}"), Behaviour(f"{seed}")
        Life(calm, 2, "listening"), Life(nodding, 2, "listening")
        nodding.user_paused(2.0)
        pitch = Life(nodding, 1.2, "listening", 2.0).head[:, 1] - Life(calm, 1.2, "listening", 2.0).head[:, 1]
        depths.append(-np.degrees(pitch).min())
    assert 6 <= sum(depth > 1.5 for depth in depths) < 20
    assert max(depths) < 8


def spoken(seed: str, words=WORDS, mood="neutral", hush_s: float | None = None) -> tuple[Life, Life]:
    """The same life with and without the sentence, seconds 9 to 16."""
    lives = []
    for says in (True, False):
        behaviour = Behaviour(seed)
        Life(behaviour, 9, "speaking")
        if says:
            behaviour.say(10.0, words, STARTS, ENDS, mood)
        if hush_s is None:
            lives.append(Life(behaviour, 7, "speaking", 9.0))
            continue
        Life(behaviour, hush_s - 9, "speaking", 9.0)
        behaviour.hush(hush_s)
        lives.append(Life(behaviour, 16 - hush_s, "speaking", hush_s))
    return lives[0], lives[1]


def test_the_head_beats_on_words_with_weight_and_never_on_light_ones():
    beats = []
    for seed in range(12):
        with_, without = spoken(f"{seed}")
        dips = np.degrees(without.head[:, 1] - with_.head[:, 1])
        beats.append(len(runs(dips > 0.5)))
        before_words = with_.times < 10.3
        assert np.all(dips[before_words] < 0.3)
    assert min(beats) >= 1 and max(beats) <= 4 and len(set(beats)) > 1
    with_, without = spoken("0", words=("it", "is", "not", "the", "so", "you"))
    assert np.array_equal(with_.head, without.head)


def test_the_brows_go_up_at_the_end_of_a_question():
    asked, _ = spoken("q")
    told, _ = spoken("q", words=("some", *WORDS[1:]))
    at_end = (asked.times > 12.6) & (asked.times < 13.0)
    assert asked.weight("browOuterUpLeft")[at_end].mean() > told.weight("browOuterUpLeft")[at_end].mean() + 0.08


@pytest.mark.parametrize(
    "mood, name",
    [
        ("happy", "mouthSmileLeft"),
        ("amused", "cheekSquintLeft"),
        ("sad", "mouthFrownLeft"),
        ("concerned", "browInnerUp"),
        ("surprised", "eyeWideLeft"),
    ],
)
def test_a_mood_comes_within_half_a_second_and_goes_after_the_reply(mood, name):
    felt, plain = spoken("m", mood=mood)
    more = felt.weight(name) - plain.weight(name)
    awake = (felt.weight("eyeBlinkLeft") < 0.1) & (plain.weight("eyeBlinkLeft") < 0.1)
    assert np.abs(more[(felt.times < 10.0) & awake]).max() < 0.02
    assert more[(felt.times > 10.5) & awake].min() > 0.04
    over, plain = spoken("m", mood=mood, hush_s=12.0)
    late = (over.times > 13.6) & (over.weight("eyeBlinkLeft") < 0.1) & (plain.weight("eyeBlinkLeft") < 0.1)
    assert np.abs((over.weight(name) - plain.weight(name))[late]).max() < 0.02


def test_hushed_words_bring_no_beats():
    over, plain = spoken("h", hush_s=9.5)
    assert np.allclose(over.head, plain.head)


def test_a_mood_that_is_none_is_refused_by_name():
    with pytest.raises(ValueError, match="mood 'angry' is none of neutral"):
        Behaviour("x").say(0, (), (), (), "angry")


def test_at_rest_it_smiles_a_little_and_its_sides_are_nearly_the_same():
    life = Life(Behaviour("rest"), 20, "idle")
    left, right = life.weight("mouthSmileLeft").mean(), life.weight("mouthSmileRight").mean()
    assert 0.04 < left < 0.12
    assert 0 < abs(left - right) < 0.1 * left
