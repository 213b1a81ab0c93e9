"""The one stage that the weights of every mouth go through, so that an engine's noise does not tremble on the lips.

Method: a bilateral filter over time (C. Tomasi and R. Manduchi, "Bilateral filtering for gray and color images", 1998).
A moment is averaged with the one before and the one after, each weight only as far as they differ by no more than noise
does. It needs one frame of what comes next, which an engine knows because the voice is made ahead of its sound; for
that it delays nothing. A Kalman or one-euro filter, which sees the past only, delays lips by 5 to 9 ms where it
halves their trembling, and leaves them ajar in closures of small openings.
"""

from collections.abc import Callable

import numpy as np

from actors.arkit import ARKIT

NEXT_MS = 1000 / 30  # to the moments before and after: a frame at 30 Hz
NOISE = 0.08  # differences well below it are noise, well above it movement
BESIDE = 0.7  # of the moment's own share have those before and after; more would flatten short vowels by over 7 %
CONTACT = 0.05  # what is nearer to 0 than this takes little of its neighbours: lips that touch, touch

_jaw, _close = ARKIT.index("jawOpen"), ARKIT.index("mouthClose")


def smooth(mouth: Callable[[float], np.ndarray], t_ms: float) -> np.ndarray:
    """The weights [52] of ``mouth`` at ``t_ms``, without noise. ``mouth(t_ms)`` gives weights [52], 0 to 1."""
    shapes = np.array([mouth(t_ms), mouth(t_ms - NEXT_MS), mouth(t_ms + NEXT_MS)])
    shapes[:, _close] = shapes[:, _jaw] - shapes[:, _close]  # the opening, which a closure brings to 0
    here = shapes[0]
    share = 1.0 / (1.0 + ((shapes - here) / NOISE) ** 4)
    share[1:] *= BESIDE * np.minimum(np.abs(here) / CONTACT, 1.0)
    weights = (share * shapes).sum(0) / share.sum(0)
    weights[_close] = max(0.0, weights[_jaw] - weights[_close])
    return weights
