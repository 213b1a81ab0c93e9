"""What the benches' caller says, by a voice that is not the face's."""

from functools import cache

import numpy as np
from scipy.signal import resample_poly

from actors.tts.flite import Flite

VOICE = "rms"
BEHIND = 24_000  # samples of silence


@cache
def _engine() -> Flite:
    engine = Flite(VOICE)
    engine.load()
    return engine


@cache
def spoken(text: str) -> np.ndarray:
    """int16 at 48 kHz, with half a second of silence behind."""
    _, *blocks = _engine().speak(text)
    pcm = resample_poly(np.concatenate(blocks).astype(np.float64), 3, 1)
    return np.concatenate([pcm.clip(-32768, 32767).astype(np.int16), np.zeros(BEHIND, np.int16)])
