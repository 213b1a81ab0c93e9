"""The mean cepstrum of a microphone: what its tone and level add to every sound, to be taken off before recognition."""

import json
from pathlib import Path

import numpy as np
from attrs import evolve, field, frozen

COEFFICIENTS = 13
TYPICAL = (47.0, 1.0, -1.0, 11.0, -5.0, 0.0, -3.0, -3.0, 0.0, -1.0, 1.0, 0.0, 0.0)  # of seven voices and microphones
MEMORY_FRAMES = 500  # 5 s: older speech fades, so that a person who comes nearer is followed
START_FRAMES = 20  # what a mean from elsewhere counts for; the first words of the call count for more
ENOUGH_FRAMES = 200  # from here on the mean is the call's own


def _checked(values) -> tuple[float, ...]:
    mean = tuple(float(value) for value in values)
    if len(mean) != COEFFICIENTS or not np.all(np.isfinite(mean)):
        raise ValueError(f"a mean cepstrum has {COEFFICIENTS} finite numbers, not {mean}")
    return mean


@frozen
class Cepstrum:
    """mean: one number per cepstral coefficient. frames: of 10 ms that it was heard from."""

    mean: tuple[float, ...] = field(default=TYPICAL, converter=_checked)
    frames: float = START_FRAMES

    @property
    def known(self) -> bool:
        return self.frames >= ENOUGH_FRAMES

    def heard(self, mean: np.ndarray, frames: float) -> "Cepstrum":
        """With ``frames`` more of this mean."""
        both = (self.frames * np.array(self.mean) + frames * mean) / (self.frames + frames)
        return Cepstrum(both, min(self.frames + frames, MEMORY_FRAMES))

    def elsewhere(self) -> "Cepstrum":
        """The same as another call's beginning."""
        return evolve(self, frames=START_FRAMES)

    def save(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        fresh = path.with_suffix(".new")
        fresh.write_text(json.dumps(self.mean))
        fresh.replace(path)

    @classmethod
    def load(cls, path: Path) -> "Cepstrum":
        """The saved one; the typical one where there is none. Raises ValueError for a file that is no cepstrum."""
        if not path.exists():
            return cls()
        try:
            return cls(json.loads(path.read_text()))
        except (ValueError, TypeError) as error:
            raise ValueError(f"{path}: {error}") from error
