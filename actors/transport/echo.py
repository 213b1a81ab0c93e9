"""The face's own voice, out of the user's loudspeaker and back in his microphone: told by its loudness, and silenced.

Browsers cancel it, and then there is nothing to do here. Where one does not, the microphone is as loud as what was
played a certain time before, scaled: the envelopes of both, in blocks of 20 ms, correlate at that lag. From then on
sound that is no louder than the echo alone would be is replaced by silence. The user, who is louder, is heard.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

LAGS = 75  # blocks: up to 1.5 s from leaving the server to coming back
WINDOW = 100  # blocks that are compared ...
LEAST_ACTIVE = 25  # ... of which so many are audible on both sides
EVERY = 5  # blocks from one comparison to the next ...
CONFIRM = 3  # ... of which so many in a row must agree
AUDIBLE = 60.0  # RMS of 32768
ALIKE, UNLIKE = 0.85, 0.5  # correlation from which it is an echo, and below which it is none; two voices reach 0.78
SPREAD = 2  # blocks by which a room and the network's jitter smear
TOGETHER = 5  # blocks in which the user must be LOUDER ...
LOUDER = 1.5
HANGOVER = 15  # ... to be heard for so many blocks more: he has quiet sounds, too
GAIN_GROWTH = 1.05  # from one comparison to the next, at most: a user who speaks as well makes it look larger


class Echo:
    """One call's. Block n leaves, or comes, at n * 20 ms of the call's media clock."""

    def __init__(self) -> None:
        self._played = np.zeros(LAGS + WINDOW)  # RMS of the blocks up to the latest heard one
        self._heard = np.zeros(WINDOW)
        self._latest = -1  # block heard
        self._ahead: dict[int, float] = {}  # played later than that
        self._candidate, self._agreed = -1, 0  # a lag, and how often it was the best
        self._lag: int | None = None  # where there is an echo
        self._gain = 0.0  # of the echo
        self._open = 0  # blocks for which the user is heard

    def play(self, block: int, sound: np.ndarray) -> None:
        """sound: int16 [samples]."""
        if block > self._latest:
            self._ahead[block] = _rms(sound)
        elif self._latest - block < len(self._played):
            self._played[block - self._latest - 1] = _rms(sound)

    def hear(self, block: int, sound: np.ndarray) -> np.ndarray:
        """``sound``, int16 [samples], or silence where it is an echo. ``block`` grows each time."""
        for number in range(max(self._latest + 1, block + 1 - len(self._played)), block + 1):
            self._played = np.append(self._played[1:], self._ahead.pop(number, 0.0))
            self._heard = np.append(self._heard[1:], 0.0)
        self._latest = block
        self._heard[-1] = rms = _rms(sound)
        if block % EVERY == 0:
            self._compare()
        if self._lag is None or rms < AUDIBLE:
            return sound
        self._open = HANGOVER if self._is_louder(self._lag) else self._open - 1
        return sound if self._open > 0 else np.zeros_like(sound)

    def _is_louder(self, lag: int) -> bool:
        end = len(self._played) - max(lag, SPREAD) + SPREAD
        near = self._played[end - TOGETHER - 2 * SPREAD : end]
        expected = self._gain * sliding_window_view(near, 2 * SPREAD + 1).max(axis=1).sum()
        return self._heard[-TOGETHER:].sum() > LOUDER * expected

    def _compare(self) -> None:
        """Looks for the lag at which what was heard is most like what was played."""
        if np.count_nonzero(self._heard > AUDIBLE) < LEAST_ACTIVE:
            return
        played = sliding_window_view(self._played, WINDOW)[::-1]  # float64 [lag, WINDOW]
        parts = played - played.mean(axis=1, keepdims=True)
        heard = self._heard - self._heard.mean()
        alike = parts @ heard / (np.linalg.norm(parts, axis=1) * np.linalg.norm(heard) + 1e-9)
        lag = int(alike.argmax())
        active = played[lag] > AUDIBLE
        if np.count_nonzero(active) < LEAST_ACTIVE:
            return
        if alike[lag] < UNLIKE:
            self._lag = None
        self._agreed = 1 + (self._agreed if abs(lag - self._candidate) <= SPREAD else 0) if alike[lag] >= ALIKE else 0
        self._candidate = lag
        if self._agreed >= CONFIRM:
            gain = float(np.median(self._heard[active] / played[lag][active]))
            self._gain = gain if self._lag is None else min(gain, GAIN_GROWTH * self._gain)
            self._lag = lag


def _rms(sound: np.ndarray) -> float:
    return float(np.sqrt(np.mean(np.square(sound, dtype=np.float64))))
