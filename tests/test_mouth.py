"""What becomes of an engine's lips on their way to the face: noise goes, closures and time stay, speech comes first."""

import numpy as np
import pytest

from actors.animator.mood import SHAPES
from actors.animator.mouth import FASTEST_PER_S, Mouth, join
from actors.animator.shape import spread
from actors.animator.smoothing import smooth
from actors.animator.track import Track
from actors.arkit import ARKIT

FRAME_MS = 1000 / 30
NOISE = 0.03
JAW, CLOSE, PUCKER = (ARKIT.index(name) for name in ("jawOpen", "mouthClose", "mouthPucker"))


def chatter(seed: int, seconds: float = 20.0) -> Track:
    """Open and closed, spread and round, quick and slow."""
    rng = np.random.default_rng(seed)
    names, lengths = [], []
    while sum(lengths) < 1000 * seconds:
        names += [rng.choice(["p", "b", "m", "t", "f", "s", "w"]), rng.choice(["aa", "ae", "iy", "uw", "ah", "ow"])]
        lengths += rng.uniform((40, 60), (110, 220)).tolist()
    track = Track()
    track.extend(0.0, names, np.cumsum(lengths).tolist())
    return track


def frames(mouth, start_ms: float = 0.0, seconds: float = 20.0) -> np.ndarray:
    return np.array([mouth(start_ms + k * FRAME_MS) for k in range(int(seconds * 30))])


def opening(weights: np.ndarray) -> np.ndarray:
    return weights[..., JAW] - weights[..., CLOSE]


class Trembling:
    """A mouth with white noise, the same at the same time."""

    def __init__(self, mouth):
        self._mouth = mouth

    def __call__(self, t_ms: float) -> np.ndarray:
        rng = np.random.default_rng(round(t_ms * 10) + 10_000)
        return np.clip(self._mouth(t_ms) + rng.normal(0.0, NOISE, len(ARKIT)), 0.0, 1.0)


def lag_ms(given: np.ndarray, shown: np.ndarray) -> float:
    """By how much ``shown`` is later, by cross-correlation with a parabola through its peak."""
    given, shown = given - given.mean(), shown - shown.mean()
    match = [np.dot(given[3:-3], shown[3 + lag : len(shown) - 3 + lag]) for lag in range(-3, 4)]
    peak = int(np.argmax(match))
    left, middle, right = match[peak - 1 : peak + 2]
    return (peak - 3 + 0.5 * (left - right) / (left - 2 * middle + right)) * FRAME_MS


def test_smoothing_does_not_delay_the_jaw():
    track = chatter(1)
    given, shown = frames(track.mouth), frames(lambda t: smooth(track.mouth, t))
    assert abs(lag_ms(given[:, JAW], shown[:, JAW])) < 1.0


@pytest.mark.parametrize("phase_ms", [0, 8, 16, 25])
def test_smoothing_does_not_weaken_closures_and_hardly_short_vowels(phase_ms):
    track = chatter(2)
    given, shown = (opening(frames(mouth, phase_ms)) for mouth in (track.mouth, lambda t: smooth(track.mouth, t)))
    closed = given < 0.005
    assert closed.sum() > 50
    assert shown[closed].max() < 0.01
    tops = (given[1:-1] > given[:-2]) & (given[1:-1] > given[2:]) & (given[1:-1] > 0.15)
    assert (shown[1:-1][tops] / given[1:-1][tops]).mean() > 0.92


def test_a_held_vowel_trembles_less_than_half_as_much():
    vowel = spread({"jawOpen": 0.3, "mouthLowerDown": 0.2, "mouthPucker": 0.4})
    noisy = Trembling(lambda t: vowel)
    given, shown = frames(noisy), frames(lambda t: smooth(noisy, t))
    for name in ("jawOpen", "mouthLowerDownLeft", "mouthPucker"):
        at = ARKIT.index(name)
        assert np.diff(given[:, at]).std() > 2.0 * np.diff(shown[:, at]).std()


def test_noisy_speech_comes_nearer_to_what_was_meant():
    track = chatter(3)
    noisy = Trembling(track.mouth)
    meant, given, shown = frames(track.mouth), frames(noisy), frames(lambda t: smooth(noisy, t))
    assert np.abs(shown - meant).mean() < 0.85 * np.abs(given - meant).mean()
    assert abs(lag_ms(meant[:, JAW], shown[:, JAW])) < 2.0


class Leaping:
    def mouth(self, t_ms: float) -> np.ndarray:
        return spread({"jawOpen": 0.9}) if t_ms >= 200 else np.zeros(len(ARKIT))


def test_no_engine_makes_the_mouth_leap_and_ordinary_speech_is_not_held_back():
    mouth = Mouth()
    mouth.speak(Leaping())
    shown = np.array([mouth.move(k * FRAME_MS, FRAME_MS / 1000) for k in range(20)])
    assert np.diff(shown[:, JAW]).max() <= FASTEST_PER_S / 30 + 1e-9 and shown[-1, JAW] == pytest.approx(0.9)
    track, mouth = chatter(4), Mouth()
    mouth.speak(track)
    shown = np.array([mouth.move(k * FRAME_MS, FRAME_MS / 1000) for k in range(300)])
    free = frames(lambda t: smooth(track.mouth, t), seconds=10)
    assert np.mean(np.abs(shown[5:] - free[5:]).max(1) > 1e-9) < 0.02


def test_no_mood_parts_closed_lips_or_spreads_round_ones():
    closed = spread({"jawOpen": 0.07, "mouthClose": 0.07, "mouthPress": 0.2})
    round_ = spread({"jawOpen": 0.1, "mouthPucker": 0.6, "mouthFunnel": 0.2})
    for mood in SHAPES.values():
        beside = spread(mood) + spread({"mouthLowerDown": 0.1, "mouthUpperUp": 0.1})
        weights = join(closed, beside)
        assert opening(weights) < 1e-9
        assert weights[[i for i, name in enumerate(ARKIT) if name.startswith(("mouthLower", "mouthUpper"))]].max() == 0
        assert join(round_, beside)[ARKIT.index("mouthSmileLeft")] <= 0.4 * 0.62 + 1e-9


def test_outside_speech_a_mood_has_the_mouth_for_itself():
    beside = spread(SHAPES["surprised"])
    weights = join(np.zeros(len(ARKIT)), beside)
    assert np.array_equal(weights, np.clip(beside, 0, 1)) and weights[JAW] > 0.05
