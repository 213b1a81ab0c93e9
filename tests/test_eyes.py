"""When lids blink and where the eyes look, over minutes of virtual time."""

import random

import numpy as np
import pytest
from life import Life, away, runs

from actors.animator.behaviour import Behaviour
from actors.animator.blinks import Blinks
from actors.animator.eyes import FULL_LOOK
from actors.animator.gaze import Gaze


def blinks(state: str, seconds: float) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Starts in seconds, greatest closing and length in seconds of all blinks; sampled at 120 Hz."""
    clock = Blinks(random.Random(state))
    lids = np.array([clock.closed(k / 120, state) for k in range(int(seconds * 120))])
    lengths = np.array(runs(lids > 0.08))
    starts = np.flatnonzero((lids[1:] > 0.08) & (lids[:-1] <= 0.08)) + 1
    depths = np.array([lids[start : start + length].max() for start, length in zip(starts, lengths, strict=True)])
    return starts / 120, depths, lengths / 120


def test_blinks_are_spaced_and_last_as_those_of_people():
    rates = {}
    for state in ("idle", "listening", "speaking"):
        starts, depths, lengths = blinks(state, 400)
        rates[state] = len(starts) / 400
        waits = np.diff(starts)
        assert 0.4 < waits.std() / waits.mean() < 0.9  # skewed, and no metronome
        assert np.median(waits) < waits.mean()
        assert 0.01 < np.mean(waits < 0.5) < 0.15  # two that follow one another
        assert lengths.min() >= 0.1 and lengths.max() <= 0.3
        assert 0.03 < np.mean(depths < 0.9) < 0.3 and depths.min() > 0.4  # some stop on their way
    assert rates["speaking"] > 1.2 * rates["listening"]


@pytest.mark.parametrize("state", ["idle", "listening", "thinking", "speaking"])
def test_it_blinks_ten_to_thirty_times_a_minute(state):
    lids = Life(Behaviour("blink"), 120, state).weight("eyeBlinkLeft")
    assert 20 <= len(runs(lids > 0.35)) <= 60
    assert max(runs(lids > 0.3)) <= 8  # frames


def test_lids_close_faster_than_they_open():
    lids = Life(Behaviour("lids"), 120, "idle").weight("eyeBlinkLeft")
    shut = lids > 0.9
    starts = np.flatnonzero(shut[1:] & ~shut[:-1]) + 1
    ends = np.flatnonzero(shut[:-1] & ~shut[1:])
    falling = np.mean([np.sum((lids[s - 3 : s] > 0.05) & (lids[s - 3 : s] < 0.9)) for s in starts if s > 3])
    rising = np.mean([np.sum((lids[e + 1 : e + 5] > 0.05) & (lids[e + 1 : e + 5] < 0.9)) for e in ends])
    assert falling < rising


def test_it_looks_at_the_viewer_while_it_listens_and_mostly_while_it_speaks_and_away_while_it_thinks():
    shares = {state: away(Life(Behaviour("gaze"), 90, state)).mean() for state in ("listening", "speaking", "thinking")}
    assert shares["listening"] < 0.06
    assert 0.05 < shares["speaking"] < 0.35
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
    for pause in range(1, 13, 2):
        nodding.user_paused(pause)
    calm, nodding = Life(calm, 14, "listening"), Life(nodding, 14, "listening")
    assert np.abs(calm.head - nodding.head).max() > np.radians(1)
    assert np.ptp(calm.head[:, 0]) > np.radians(1)
    assert np.allclose(calm.gaze + calm.head[:, :2], nodding.gaze + nodding.head[:, :2])
    fixed = np.abs(np.diff(calm.gaze + calm.head[:, :2], axis=0))
    assert np.median(fixed[:, 0]) < 0.7 * np.median(np.abs(np.diff(calm.head[:, 0])))


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
    life = Life(Behaviour("shut"), 150, "thinking")
    shut = life.weight("eyeBlinkLeft") == 1
    assert shut.sum() > 10
    for name in ("eyeLookUpLeft", "eyeLookDownLeft", "eyeWideLeft"):
        assert life.weight(name).max() > 0.01 and life.weight(name)[shut].max() == 0


def test_the_eyes_are_never_quite_still_and_jump_as_eyes_do():
    life = Life(Behaviour("still"), 60, "listening")
    steps = np.hypot(*np.diff(life.gaze + life.head[:, :2], axis=0).T)
    assert max(runs(steps < np.radians(0.1))) < 30 * 3
    assert np.sum(steps > np.radians(0.5)) > 10


def test_the_larger_a_saccade_the_longer_it_lasts():
    gaze, seen = Gaze(random.Random("saccades")), []
    for k in range(60_000):
        gaze.look(k / 1000, "thinking")
        seen.append(np.degrees(gaze.at(k / 1000, 0.0, 0.0)))
    moving = np.hypot(*np.diff(seen, axis=0).T) > 0.02  # 20 degrees a second
    starts = np.flatnonzero(np.diff(moving.astype(int)) == 1) + 1
    lengths = np.array(runs(moving))
    sizes = np.array([np.hypot(*(seen[at + n] - seen[at])) for at, n in zip(starts, lengths, strict=True)])
    large = sizes > 4
    assert large.sum() > 10
    slope, offset = np.polyfit(sizes[large], lengths[large], 1)
    assert 1.5 < slope < 2.8 and 10 < offset < 30  # 2.2 ms a degree and 21 ms


def test_large_turns_of_the_eyes_often_bring_a_blink():
    with_turn, by_chance = [], []
    for seed in "abc":
        life = Life(Behaviour(seed), 60, "thinking")
        seen, closing = life.gaze + life.head[:, :2], life.weight("eyeBlinkLeft") > 0.3
        turned = np.hypot(*(seen[3:] - seen[:-3]).T) > np.radians(10)
        starts = np.flatnonzero(np.diff(turned.astype(int)) == 1) + 1
        with_turn += [closing[at : at + 10].any() for at in starts]
        by_chance += [closing[at : at + 10].any() for at in range(0, len(closing) - 10, 10)]
    assert len(with_turn) > 12
    assert np.mean(with_turn) > 1.8 * np.mean(by_chance)
