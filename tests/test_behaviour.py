"""What the face does beside lips and eyes: nods, brows, breath and moods over minutes of virtual time."""

import random

import numpy as np
import pytest
from life import FRAME_S, STRESSES, Life, away, runs, sentence

from actors.animator.behaviour import Behaviour
from actors.animator.breath import Breath
from actors.animator.micro import Micro
from actors.animator.mood import SHAPES
from actors.animator.prosody import Stress
from actors.arkit import ARKIT


def test_blinks_like_the_ends_of_phrases():
    blinking = 0
    for seed in range(30):
        behaviour = Behaviour(f"{seed}")
        Life(behaviour, 1, "speaking", 8.0)
        behaviour.say(sentence())
        Life(behaviour, 2.7, "speaking", 9.0)
        blinking += Life(behaviour, 0.2, "speaking", 11.7).weight("eyeBlinkLeft").max() > 0.4
    assert 8 <= blinking <= 25  # by chance it were 3


def test_each_state_has_its_own_face_and_posture():
    faces = {state: Life(Behaviour("own"), 20, state) for state in ("idle", "listening", "thinking")}
    mean = {state: lambda name, life=life: life.weight(name)[60:].mean() for state, life in faces.items()}
    assert mean["listening"]("browInnerUp") > mean["idle"]("browInnerUp") + 0.05
    assert mean["listening"]("eyeWideLeft") > mean["idle"]("eyeWideLeft") + 0.02
    assert faces["listening"].place[60:, 2].mean() > faces["idle"].place[60:, 2].mean() + 0.003, "leans in"
    assert mean["thinking"]("mouthPressLeft") > 0.2 and mean["thinking"]("browDownLeft") > 0.2
    tilts = [np.degrees(Life(Behaviour(seed), 8, "listening").head[120:, 2].mean()) for seed in "abcdefgh"]
    assert np.mean(np.abs(tilts)) > 1 and min(tilts) < 0 < max(tilts)


def test_no_change_of_state_makes_the_face_jump():
    rng, behaviour = random.Random("states"), Behaviour("states")
    poses, t = [], 0.0
    while t < 60:
        state = rng.choice(("idle", "listening", "thinking", "speaking"))
        for _ in range(rng.randrange(3, 60)):
            poses.append(behaviour.pose(t, state))
            t += FRAME_S
    weights, head, place, _ = (np.array(part) for part in zip(*poses, strict=True))
    slow = [i for i, name in enumerate(ARKIT) if not name.startswith("eye")]
    assert np.abs(np.diff(weights[:, slow], axis=0)).max() < 0.17  # a micro-expression at its quickest
    assert np.degrees(np.abs(np.diff(head, axis=0))).max() < 1.2
    assert np.abs(np.diff(place, axis=0)).max() < 0.0015  # metres


def test_it_breathes_in_faster_than_out_and_no_breath_is_like_another():
    behaviour = Behaviour("breath")
    life = Life(behaviour, 120, "idle")
    assert 0.0008 < np.ptp(life.place[:, 1]) < 0.01  # metres
    assert np.radians(0.5) < life.head.std(0).max() < np.radians(4)
    breath = Breath(random.Random("breath"))
    full = np.array([breath.at(k * FRAME_S)[0] for k in range(120 * 30)])
    in_, out = runs(np.diff(full) > 0), runs(np.diff(full) < 0)
    assert 12 * 2 <= len(in_) <= 20 * 2
    assert np.mean(in_) < 0.8 * np.mean(out)
    assert len(set(in_)) > 8


def test_before_it_answers_the_lips_part_for_air_and_the_head_rises():
    calm, about = Behaviour("air"), Behaviour("air")
    Life(calm, 5, "listening"), Life(about, 5, "listening")
    about.user_paused(5.0)
    calm, about = Life(calm, 1.2, "listening", 5.0), Life(about, 1.2, "listening", 5.0)
    parted = about.weight("jawOpen") - calm.weight("jawOpen")
    assert parted[:4].max() < 0.01 and 0.02 < parted.max() < 0.1 and parted[-5:].max() < 0.01
    assert (about.place - calm.place)[5:20, 1].max() > 0.0003


def test_idle_life_does_not_repeat():
    life = Life(Behaviour("again"), 240, "idle")
    parts = np.concatenate([np.degrees(life.head), np.degrees(life.gaze)], axis=1)
    template = parts[:300]
    distances = [np.abs(parts[k : k + 300] - template).mean() for k in range(600, len(parts) - 300, 10)]
    assert min(distances) > 0.4  # degrees


def test_micro_expressions_are_brief_small_one_sided_and_rare():
    micro = Micro(random.Random("micro"))
    frames = np.array([micro.at(k / 120, "idle") for k in range(600 * 120)])
    lengths = np.array(runs(frames.max(1) > 0.005)) / 120
    assert 40 <= len(lengths) <= 110  # in ten minutes
    assert lengths.min() >= 0.03 and lengths.max() <= 0.2
    assert 0.05 < frames.max() < 0.3
    left = frames[:, [i for i, name in enumerate(ARKIT) if name.endswith("Left")]].sum(1)
    right = frames[:, [i for i, name in enumerate(ARKIT) if name.endswith("Right")]].sum(1)
    stirring = frames.max(1) > 0.05
    assert np.all(np.abs(left - right)[stirring] > 0.3 * np.maximum(left, right)[stirring])
    assert 0.3 < np.mean((left > right)[stirring]) < 0.7


def test_speaking_lips_have_no_micro_expressions():
    micro = Micro(random.Random("micro"))
    frames = np.array([micro.at(k / 30, "speaking") for k in range(600 * 30)])
    assert frames.max() > 0.05
    assert frames[:, [i for i, name in enumerate(ARKIT) if name.startswith("mouth")]].max() == 0


def test_who_listens_lifts_the_brows_when_the_user_begins():
    calm, heard = Behaviour("brows"), Behaviour("brows")
    Life(calm, 2, "listening"), Life(heard, 2, "listening")
    heard.user_started(2.0)
    name = "browOuterUpLeft"
    up = Life(heard, 1, "listening", 2.0).weight(name) - Life(calm, 1, "listening", 2.0).weight(name)
    assert 0.08 < up.max() < 0.25 and up[:3].max() < 0.01 and up[-1] < 0.01


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


def spoken(seed: str, says: bool = True, hush_s: float | None = None, cut: bool = False, **changed) -> Life:
    """Seconds 9 to 16 with the sentence, or the same life without it; from ``hush_s`` on, where it is over by then."""
    behaviour = Behaviour(seed)
    Life(behaviour, 1, "speaking", 8.0)
    if says:
        behaviour.say(sentence(**changed))
    if hush_s is None:
        return Life(behaviour, 7, "speaking", 9.0)
    Life(behaviour, hush_s - 9, "speaking", 9.0)
    behaviour.hush(hush_s, cut)
    return Life(behaviour, 16 - hush_s, "speaking", hush_s)


def test_the_head_nods_on_stressed_vowels_and_deeper_on_stronger_ones():
    dips = {stress: [] for stress in STRESSES}
    for seed in range(15):
        without = spoken(f"{seed}", stresses=())
        for stress in STRESSES[:3]:
            with_ = spoken(f"{seed}", stresses=(stress,))
            pitch = np.degrees(without.head[:, 1] - with_.head[:, 1])
            assert np.abs(pitch[with_.times < stress.at_s - 0.25]).max() < 0.05
            if pitch.max() > 0.5:
                dips[stress].append(pitch.max())
                assert abs(with_.times[pitch.argmax()] - stress.at_s) < 0.07, "lowest on the vowel"
    weak, strong = dips[STRESSES[2]], dips[STRESSES[1]]
    assert len(weak) < len(strong)
    assert np.mean(strong) > 1.2 * np.mean(weak)


def test_not_every_stress_is_nodded_and_no_two_nods_meet():
    close = tuple(Stress(10.2 + 0.15 * k, 0.5, 10.3 + 0.15 * k) for k in range(18))
    for seed in range(10):
        with_, without = (spoken(f"{seed}", stresses=one) for one in (close, ()))
        dips = np.degrees(without.head[:, 1] - with_.head[:, 1])
        assert 1 <= len(runs(dips > 0.6)) <= 5


def test_the_head_turns_with_a_phrase_and_settles_at_the_end():
    turns, chins = [], []
    for seed in range(12):
        with_, without = spoken(f"{seed}", stresses=()), spoken(f"{seed}", says=False)
        turn = np.degrees(with_.head - without.head)
        turns.append(np.abs(turn[(with_.times > 10.5) & (with_.times < 12.5)]).max())
        chins.append(turn[np.abs(with_.times - 13.3).argmin(), 1])
    assert 0.5 < np.median(turns) < 6
    assert np.median(chins) < -0.4, "down after a statement"


def test_the_brows_go_up_and_the_chin_too_at_the_end_of_a_question():
    for seed in "qrstu":
        asked, told = spoken(seed, asks=True, stresses=()), spoken(seed, stresses=())
        at_end = (asked.times > 12.7) & (asked.times < 13.1)
        assert (asked.weight("browOuterUpLeft") - told.weight("browOuterUpLeft"))[at_end].mean() > 0.08
        assert np.degrees(asked.head - told.head)[at_end, 1].mean() > 0.3


def test_it_often_looks_away_as_it_begins_a_long_answer_and_always_back_as_it_ends():
    averted = 0
    for seed in range(24):
        life = spoken(f"{seed}")
        gone = away(life)
        averted += gone[(life.times > 10.1) & (life.times < 10.6)].any()
        assert not gone[(life.times > 12.3) & (life.times < 13.9)].any(), seed
    assert 11 <= averted <= 23


def test_a_short_answer_begins_no_more_often_with_a_look_away_than_any_moment():
    short = dict(end_s=11.2, phrases=((10.0, 11.2),), stresses=())
    lives = [spoken(f"{seed}", **short) for seed in range(20)]
    assert sum(away(life)[(life.times > 10.5) & (life.times < 11.1)].any() for life in lives) < 3


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
def test_a_mood_comes_within_half_a_second_eases_and_goes_after_the_reply(mood, name):
    felt, plain = (spoken("m", mood=one, stresses=(), end_s=15.0) for one in (mood, "neutral"))
    more = felt.weight(name) - plain.weight(name)
    awake = (felt.weight("eyeBlinkLeft") < 0.3) & (plain.weight("eyeBlinkLeft") < 0.3)
    assert np.abs(more[(felt.times < 10.0) & awake]).max() < 0.02
    full = more[(felt.times > 10.4) & (felt.times < 11) & awake].max()
    assert more[(felt.times > 10.5) & awake].min() > 0.15
    assert more[(felt.times > 15) & awake].mean() < 0.85 * full
    assert np.abs(np.diff(more))[awake[1:] & awake[:-1]].max() < 0.3 * full, "no jump"
    over, plain = spoken("m", mood=mood, hush_s=12.0), spoken("m", says=False, hush_s=12.0)
    late = (over.times > 14.2) & (over.weight("eyeBlinkLeft") < 0.3) & (plain.weight("eyeBlinkLeft") < 0.3)
    assert np.abs((over.weight(name) - plain.weight(name))[late]).max() < 0.02


def test_surprise_comes_faster_than_sadness():
    shock, grief, calm = (spoken("s", mood=mood, stresses=()) for mood in ("surprised", "sad", "neutral"))
    at = np.abs(shock.times - 10.15).argmin()
    late = np.abs(shock.times - 10.8).argmin()
    gone = [(one.weight("browInnerUp") - calm.weight("browInnerUp"))[[at, late]] for one in (shock, grief)]
    assert gone[0][0] / gone[0][1] > 1.25 * gone[1][0] / gone[1][1]


def test_every_mood_is_far_from_every_other():
    shapes = [spoken("far", mood=mood, stresses=()).weights[60] for mood in SHAPES]
    for i, one in enumerate(shapes):
        for other in shapes[i + 1 :]:
            assert np.abs(one - other).sum() > 0.8


def test_hushed_words_bring_no_beats_and_looks():
    over, plain = (spoken("h", says, hush_s=9.5) for says in (True, False))
    assert np.allclose(over.head, plain.head) and np.allclose(over.gaze, plain.gaze)


def test_when_it_is_interrupted_the_brows_go_up_and_it_looks_at_the_user():
    for seed in range(12):
        cut, ended = (spoken(f"{seed}", hush_s=10.6, cut=cut, stresses=()) for cut in (True, False))
        soon = (cut.times > 10.8) & (cut.times < 11.2)
        assert (cut.weight("browOuterUpLeft") - ended.weight("browOuterUpLeft"))[soon].max() > 0.2
        assert not away(cut)[(cut.times > 10.85) & (cut.times < 12)].any()
        assert np.abs(np.diff(np.degrees(cut.head), axis=0)).max() < 1.5


def test_a_mood_that_is_none_is_refused_by_name():
    with pytest.raises(ValueError, match="mood 'angry' is none of neutral"):
        Behaviour("x").say(sentence(mood="angry"))


def test_at_rest_it_smiles_a_little_and_its_sides_are_nearly_the_same():
    life = Life(Behaviour("rest"), 20, "idle")
    left, right = life.weight("mouthSmileLeft").mean(), life.weight("mouthSmileRight").mean()
    assert 0.04 < left < 0.12
    assert 0 < abs(left - right) < 0.1 * left
