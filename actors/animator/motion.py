"""Small movers the face's behaviour is made of. Times are seconds of the face's own life."""

import math
import random

import numpy as np


def ease(x: float) -> float:
    """0 below 0, 1 above 1, and smooth between."""
    x = min(max(x, 0.0), 1.0)
    return x * x * (3.0 - 2.0 * x)


def bump(t: float, start: float, rise: float, fall: float, hold: float = 0.0) -> float:
    """Up from 0 to 1 over ``rise``, there for ``hold``, back over ``fall``."""
    return ease((t - start) / rise) * (1.0 - ease((t - start - rise - hold) / fall))


class Drift:
    """Smooth noise of unit variance: three sines with random phases around a frequency; never repeats within a call."""

    SPREAD = (0.61, 1.0, 1.57)  # ratios without a short common period
    SHARE = (1.0, 0.8, 0.55)

    def __init__(self, rng: random.Random, frequency_hz: float):
        scale = math.sqrt(2.0 / sum(share * share for share in self.SHARE))
        self._waves = tuple(
            (share * scale, math.tau * frequency_hz * ratio * rng.uniform(0.9, 1.1), rng.uniform(0.0, math.tau))
            for share, ratio in zip(self.SHARE, self.SPREAD, strict=True)
        )

    def at(self, t: float) -> float:
        return sum(size * math.sin(speed * t + phase) for size, speed, phase in self._waves)


class Follower:
    """A vector that follows its target like a critically damped spring: no overshoot, no jump in speed.

    ``settle_s``: after so long, 95 % of a change is done. A step is the spring's exact solution, so any length will do.
    """

    def __init__(self, size: int, settle_s: float):
        self.value = np.zeros(size)
        self._speed = np.zeros(size)
        self.settle(settle_s)

    def settle(self, settle_s: float) -> None:
        """From here on changes take this long."""
        self._omega = 4.744 / settle_s  # (1 + x) exp(-x) = 0.05 at x = 4.744

    def follow(self, target: np.ndarray, dt: float) -> np.ndarray:
        """Moves on by ``dt`` seconds; returns the new value, [size]."""
        gone = math.exp(-self._omega * dt)
        away = self.value - target
        push = (self._speed + self._omega * away) * dt
        self._speed = (self._speed - self._omega * push) * gone
        self.value = target + (away + push) * gone
        return self.value
