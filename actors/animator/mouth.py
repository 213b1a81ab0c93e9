"""The mouth of one call: the lips of the reply in progress, smoothed, how they settle when it is cut, and what beside
speech shows on them."""

from typing import Protocol

import numpy as np

from actors.animator.motion import ease
from actors.animator.smoothing import smooth
from actors.arkit import ARKIT

FASTEST_PER_S = 11.5  # of a weight: what quick speech needs, and as fast as lips are; only a leap would be faster
SETTLING_PER_S = 6.0  # where its sound is gone
WORD_MS = 150.0  # a word that is cut may go on for so long in the lips; its sound is gone after 60 ms
CLOSE_MS = 120.0  # and then they take so long to close
ROUND = 0.5  # a pucker from which a smile shows no more than LEFT_BY_ROUND of itself
LEFT_BY_ROUND = 0.4

_jaw, _close, _pucker = (ARKIT.index(name) for name in ("jawOpen", "mouthClose", "mouthPucker"))
_part = [i for i, name in enumerate(ARKIT) if name.startswith(("mouthLowerDown", "mouthUpperUp"))]
_spread = [i for i, name in enumerate(ARKIT) if name.startswith(("mouthSmile", "mouthStretch", "mouthDimple"))]


class Lips(Protocol):
    """What moves the mouth in one reply."""

    def mouth(self, t_ms: float) -> np.ndarray:
        """Weights [52], 0 to 1, at ``t_ms`` from the reply's start; only the mouth's are not 0.

        Asked also for a frame's time before and after what is shown: a guess will do where the voice is not made yet.
        """
        ...


class Mouth:
    """Asked frame by frame, in order."""

    def __init__(self):
        self._lips: Lips | None = None
        self._cut_ms: float | None = None  # where in the reply it was cut; None while it is spoken
        self._word_ms = 0.0  # where the word ends that was cut
        self._t_ms = 0.0  # in the reply, of the latest frame
        self._weights = np.zeros(len(ARKIT))

    def speak(self, lips: Lips) -> None:
        """A reply begins."""
        self._lips, self._cut_ms, self._t_ms = lips, None, 0.0

    def cut(self, word_ends_ms: float) -> None:
        """The reply is over: what is left of the word being spoken, which ends at ``word_ends_ms``, is not opened any
        more, and the lips close."""
        self._cut_ms = self._t_ms
        self._word_ms = min(max(word_ends_ms, self._cut_ms), self._cut_ms + WORD_MS)

    def move(self, t_ms: float | None, dt: float) -> np.ndarray:
        """Weights [52], ``dt`` seconds after those before; ``t_ms``: from the reply's start, None outside one."""
        self._t_ms = self._t_ms + 1000 * dt if t_ms is None else t_ms
        target = self._target()
        most = dt * (FASTEST_PER_S if self._cut_ms is None else SETTLING_PER_S)
        self._weights = self._weights + np.clip(target - self._weights, -most, most)
        return self._weights

    def _target(self) -> np.ndarray:
        if self._lips is None:
            return np.zeros(len(ARKIT))
        if self._cut_ms is None:
            return smooth(self._lips.mouth, self._t_ms)
        gone_ms, lasts_ms = self._t_ms - self._cut_ms, self._word_ms - self._cut_ms + CLOSE_MS
        if gone_ms >= lasts_ms:
            self._lips = None
            return np.zeros(len(ARKIT))
        target = smooth(self._lips.mouth, min(self._t_ms, self._word_ms)) * (1.0 - ease(gone_ms / lasts_ms))
        opening = self._weights[_jaw] - self._weights[_close]
        target[_jaw] = min(target[_jaw], target[_close] + opening)  # without a sound it does not open again
        return target


def join(mouth: np.ndarray, beside: np.ndarray) -> np.ndarray:
    """Weights [52], 0 to 1, of a speaking mouth and of all that the face does beside it.

    Speech comes first: no mood parts lips that are closed by it, or spreads those that are round.
    """
    sealed = min(1.0, mouth[_close] / mouth[_jaw]) if mouth[_jaw] > 0.01 else 0.0
    beside = beside.copy()
    beside[_part] *= 1.0 - sealed
    beside[_spread] *= 1.0 - (1.0 - LEFT_BY_ROUND) * min(1.0, mouth[_pucker] / ROUND)
    weights = np.clip(mouth + beside, 0.0, 1.0)
    weights[_close] = max(weights[_close], sealed * weights[_jaw])
    return weights
