"""The mouth over a list of phones: closures close, lips round early, pauses rest, and time is all that counts."""

import random
import tomllib
from pathlib import Path

import numpy as np
import pytest

from actors import llm
from actors.animator.mouth import FASTEST_PER_S
from actors.animator.track import Track
from actors.animator.visemes import CHANNELS, PHONES, VISEMES
from actors.arkit import ARKIT
from actors.tts.clause import clauses
from actors.tts.flite import Flite
from actors.tts.normalise import normalise
from actors.tts.timing import Timing

FRAME_MS = 1000 / 30


def track_of(*phones: tuple[str, float], start_ms: float = 0.0) -> Track:
    """Phones with their lengths in ms."""
    ends = start_ms + np.cumsum([length for _, length in phones])
    track = Track()
    track.extend(start_ms, [name for name, _ in phones], ends.tolist())
    return track


def weight(track: Track, name: str, t_ms: float) -> float:
    return track.mouth(t_ms)[ARKIT.index(name)]


def lips_apart(track: Track, t_ms: float) -> float:
    """The opening between the lips, in weights: what opens them less what closes them."""
    mouth = dict(zip(ARKIT, track.mouth(t_ms), strict=True))
    return mouth["jawOpen"] - mouth["mouthClose"] + mouth["mouthLowerDownLeft"] + mouth["mouthUpperUpLeft"]


def frames_of(start_ms: float, length_ms: float) -> list[float]:
    """When frames show a phone: those inside, and the one nearest to where its lips are closest."""
    inside = np.arange(np.ceil(start_ms / FRAME_MS), (start_ms + length_ms) / FRAME_MS) * FRAME_MS
    return [*inside, round((start_ms + 0.42 * length_ms) / FRAME_MS) * FRAME_MS]


CLOSED, TEETH = ("p", "b", "m"), ("f", "v")
JAW, CLOSE = ARKIT.index("jawOpen"), ARKIT.index("mouthClose")
MAMA = [("pau", 200), ("m", 28), ("aa", 172), ("m", 77), ("ax", 89), ("pau", 195)]
PAPA = [("p", 65), ("aa", 142), ("p", 81), ("ax", 81), ("pau", 60)]
BOBBY = [("b", 40), ("aa", 172), ("b", 18), ("aa", 109), ("pau", 150)]


def test_every_phone_is_made_of_known_visemes_and_every_viseme_of_known_shapes():
    assert {viseme for parts in PHONES.values() for viseme in parts} == set(VISEMES)
    for viseme in VISEMES.values():
        assert set(viseme.shape) <= set(CHANNELS) and set(viseme.firm) <= set(CHANNELS)
        assert all(0 < value <= 1 for value in viseme.shape.values())
    for channel in set(CHANNELS) - {"seal"}:
        assert any(name in ARKIT for name in (channel, channel + "Left")), channel


@pytest.mark.parametrize("shift_ms", np.linspace(0, FRAME_MS, 9))
def test_the_lips_meet_at_every_p_b_and_m_whatever_the_frames_fall_on(shift_ms):
    phones = MAMA + PAPA + BOBBY
    track = track_of(*phones, start_ms=shift_ms)
    start = shift_ms
    for name, length in phones:
        if name in CLOSED:
            closest = min(frames_of(start, length), key=lambda t: lips_apart(track, t))
            assert lips_apart(track, closest) < 0.002
            assert weight(track, "jawOpen", closest) < 0.1
            assert weight(track, "mouthPressLeft", closest) > 0.15
            assert start - FRAME_MS / 2 <= closest <= start + length + FRAME_MS / 2
        start += length


@pytest.mark.parametrize("length_ms", [20, 35, 80])
@pytest.mark.parametrize("beside_ms", [40, 90])
def test_the_lips_meet_between_any_two_phones_however_short(length_ms, beside_ms):
    for before in PHONES:
        for after in PHONES:
            if (before in TEETH or after in TEETH) and length_ms + beside_ms < 80:
                continue  # nobody says /f p/ in 60 ms
            track = track_of(("aa", 100), (before, beside_ms), ("b", length_ms), (after, beside_ms), ("aa", 100))
            middle = 100 + beside_ms + 0.42 * length_ms
            assert min(lips_apart(track, middle + at) for at in (-FRAME_MS / 2, FRAME_MS / 2)) < 0.02, (before, after)


def spoken_lines() -> list[Timing]:
    """Half of what the persona may say, as flite says it."""
    engine, timings = Flite(), []
    engine.load()
    groups = tomllib.loads((Path(llm.__file__).parent / "personas/vivi.toml").read_text())["group"]
    for group in groups:
        for clause in clauses(normalise(group.get("answers", ["Hello."])[0].replace("{user}", "Bob"))):
            speech = engine.speak(clause)
            timings.append(next(speech))
            speech.close()
    engine.close()
    return timings


@pytest.mark.skipif(bool(Flite().missing()), reason=f"{Flite().missing()}")
def test_in_real_speech_every_closure_is_reached_lips_round_and_the_jaw_stays_natural():
    timings, reached, round_, teeth, opened, steps = spoken_lines(), [], [], [], [], []
    assert len(timings) >= 40
    for number, timing in enumerate(timings):
        start = number * 7.3 % FRAME_MS
        ends = [start + end for end in timing.ends_ms]
        track = Track()
        track.extend(start, timing.names, ends)
        shown = np.array([track.mouth(t) for t in np.arange(0.0, ends[-1], FRAME_MS)])
        opened.append((shown[:, JAW] - shown[:, CLOSE]).max())
        steps.append(np.abs(np.diff(shown, axis=0)).max())
        for name, end in zip(timing.names, ends, strict=True):
            times = frames_of(start, end - start)
            if name in CLOSED:
                reached.append(min(lips_apart(track, t) for t in times) < 0.01)
            if name in ("uw", "w"):
                round_.append(max(weight(track, "mouthPucker", t) for t in times))
            if name in TEETH:
                teeth.append(max(weight(track, "mouthRollLower", t) for t in times))
            start = end
    assert len(reached) > 100 and np.mean(reached) > 0.99
    assert min(round_) > 0.3 and np.median(round_) > 0.5
    assert np.mean(np.array(teeth) > 0.38) > 0.99
    assert np.median(opened) > 0.2 and max(opened) < 0.5
    assert max(steps) < FASTEST_PER_S * FRAME_MS / 1000


def test_the_mouth_opens_again_between_two_closures():
    track = track_of(*MAMA)
    assert lips_apart(track, 310) > 0.4


def test_the_lips_touch_the_teeth_at_f_and_v():
    track = track_of(("ay", 150), ("f", 90), ("aa", 150), ("v", 60), ("ax", 80))
    for middle in (190, 415):
        assert weight(track, "mouthRollLower", middle) > 0.4
        assert weight(track, "jawOpen", middle) < 0.12
        assert weight(track, "mouthLowerDownLeft", middle) < 0.02
        assert weight(track, "mouthUpperUpLeft", middle) > 0.3


def test_the_teeth_close_at_s_and_sh():
    for name in ("s", "z", "sh", "zh", "ch", "jh"):
        assert weight(track_of(("aa", 150), (name, 80), ("aa", 150)), "jawOpen", 184) < 0.08, name


def test_the_tongue_shows_at_th_only():
    track = track_of(("ae", 120), ("th", 70), ("ae", 120), ("s", 80))
    assert weight(track, "tongueOut", 150) > 0.12
    assert weight(track, "tongueOut", 60) < 0.02
    assert weight(track, "tongueOut", 345) < 0.01


def test_the_lips_round_before_who_is_heard():
    track = track_of(("pau", 161), ("hh", 91), ("uw", 166), ("pau", 200))
    assert weight(track, "mouthPucker", 161) > 0.1  # at the /h/'s start
    assert weight(track, "mouthPucker", 240) > 0.5  # before the vowel
    assert weight(track, "mouthPucker", 340) > 0.55
    assert weight(track, "mouthPucker", 20) < 0.01


def test_a_consonant_between_rounded_vowels_stays_round_and_between_spread_ones_does_not():
    round_ = track_of(("uw", 120), ("t", 60), ("uw", 120))
    spread = track_of(("iy", 120), ("t", 60), ("iy", 120))
    assert weight(round_, "mouthPucker", 150) > 0.35
    assert weight(spread, "mouthPucker", 150) == 0
    assert weight(spread, "mouthSmileLeft", 150) > 0.08


def test_a_diphthong_moves():
    track = track_of(("ay", 240), ("pau", 200))
    assert weight(track, "jawOpen", 60) > weight(track, "jawOpen", 200) + 0.15
    track = track_of(("ow", 240), ("pau", 200))
    assert weight(track, "mouthPucker", 200) > weight(track, "mouthPucker", 60) + 0.2


def test_a_vowel_keeps_its_opening_natural():
    loudest = track_of(("aa", 400))
    assert 0.35 < max(weight(loudest, "jawOpen", t) for t in range(0, 400, 5)) < 0.5


def test_the_mouth_rests_in_pauses_before_and_after():
    track = track_of(("pau", 300), ("aa", 150), ("pau", 300), start_ms=500)
    for t in (0, 400, 650, 1200, 1500, 60_000):
        assert np.all(track.mouth(t) < 0.01), t


def test_a_sentence_added_later_is_heard_in_its_place_and_the_gap_is_rest():
    track = track_of(("m", 80), ("aa", 150))
    before = track.mouth(100)
    track.extend(1000, ("aa", "m"), (1150, 1230))
    assert np.allclose(track.mouth(100), before, rtol=0, atol=1e-9)
    assert np.all(track.mouth(600) < 0.01)
    assert weight(track, "jawOpen", 1075) > 0.3
    assert track.end_ms == 1230


def test_the_mouth_moves_without_jumps():
    rng = random.Random(5)
    names = sorted(PHONES)
    track = track_of(*[(rng.choice(names), rng.uniform(25, 180)) for _ in range(150)])
    frames = np.array([track.mouth(t) for t in np.arange(0, track.end_ms, 1.0)])
    assert np.abs(np.diff(frames, axis=0)).max() < 0.05  # in 1 ms


@pytest.mark.parametrize("seed", range(12))
def test_any_phones_give_weights_within_0_and_1(seed):
    rng = random.Random(seed)
    names = sorted(PHONES)
    track = Track()
    for _ in range(4):
        start = track.end_ms + rng.choice((0.0, rng.uniform(0, 700)))
        lengths = [rng.choice((0.0, rng.uniform(1, 30), rng.uniform(30, 400))) for _ in range(20)]
        track.extend(start, [rng.choice(names) for _ in lengths], (start + np.cumsum(lengths)).tolist())
    for t in np.arange(-100, track.end_ms + 500, 9.7):
        mouth = track.mouth(t)
        assert np.isfinite(mouth).all() and mouth.min() >= 0 and mouth.max() <= 1


def test_what_is_no_phone_is_refused_by_name():
    with pytest.raises(ValueError, match="AA, xx"):
        Track().extend(0, ("xx", "AA", "m"), (10, 20, 30))


def test_phones_and_ends_of_different_number_are_refused_with_both():
    with pytest.raises(ValueError, match="2 phones with 3 ends"):
        Track().extend(0, ("m", "aa"), (10, 20, 30))
