"""The life of a face over seconds and minutes of virtual time, for the tests that look at it."""

import numpy as np

from actors.animator.behaviour import Behaviour
from actors.animator.prosody import Sentence, Stress
from actors.arkit import ARKIT

FRAME_S = 1 / 30
INDEX = {name: i for i, name in enumerate(ARKIT)}

STRESSES = (Stress(10.7, 0.5, 11.0), Stress(11.3, 0.8, 11.7), Stress(12.0, 0.2, 12.2), Stress(12.7, 0.6, 13.0))


def sentence(**changed) -> Sentence:
    """Heard from 10 s on, for 3 s: two phrases, four stresses."""
    given = dict(start_s=10.0, end_s=13.0, mood="neutral", first=True, last=True, asks=False)
    given |= dict(phrases=((10.0, 11.7), (11.8, 13.0)), stresses=STRESSES)
    return Sentence(**given | changed)


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


def away(life: Life) -> np.ndarray:
    """Which frames look more than 5 degrees past the viewer."""
    seen = life.gaze + life.head[:, :2]
    return np.hypot(*seen.T) > np.radians(5)
