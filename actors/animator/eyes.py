"""Eye shapes: what lids and lashes do for a gaze and a blink."""

from math import radians

import numpy as np

from actors.arkit import ARKIT

FULL_LOOK = {"Out": radians(30), "In": radians(30), "Up": radians(22), "Down": radians(28)}  # at weight 1
LID_FOLLOWS = 0.25  # how much of a blink comes with a full look down; the shape eyeLookDown does the rest

_look = {name: ARKIT.index(name) for name in ARKIT if name.startswith("eyeLook")}
_wide = [ARKIT.index(name) for name in ("eyeWideLeft", "eyeWideRight")]
_other_lids = [*_wide, *(i for name, i in _look.items() if "Up" in name or "Down" in name)]  # yield to a blink
_lids = [ARKIT.index(name) for name in ("eyeBlinkLeft", "eyeBlinkRight")]


def show(weights: np.ndarray, yaw: float, pitch: float, closed: float) -> None:
    """Sets in ``weights`` [52] the eyes that look at yaw and pitch (gaze.py) with lids ``closed`` by a blink, 0 to 1.

    The left eye turns out where the right one turns in.
    """
    towards = {"Left": ("Out", "In"), "Right": ("In", "Out")}
    for side, (right, left) in towards.items():
        across = right if yaw > 0 else left
        weights[_look[f"eyeLook{across}{side}"]] = abs(yaw) / FULL_LOOK[across]
        along = "Up" if pitch > 0 else "Down"
        weights[_look[f"eyeLook{along}{side}"]] = abs(pitch) / FULL_LOOK[along]
    if pitch < 0:
        weights[_lids] += LID_FOLLOWS * -pitch / FULL_LOOK["Down"]
    else:
        weights[_wide] += 0.5 * LID_FOLLOWS * pitch / FULL_LOOK["Up"]
    weights[_other_lids] *= 1.0 - closed
    weights[_lids] += (1.0 - weights[_lids]) * closed
