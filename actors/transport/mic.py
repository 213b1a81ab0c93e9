"""The user's microphone: decoded Opus in, blocks of 20 ms at 16 kHz out, without holes."""

from collections import Counter

import av
import numpy as np

from actors.transport.media import SAMPLE_RATE_HZ
from actors.transport.resampler import Resampler

RATE_HZ = 16_000
BLOCK_SAMPLES = 320
HELD_BACK = 32  # samples of silence in front, more than the resampler keeps: so that every packet completes a block
WIDEST_GAP_SAMPLES = SAMPLE_RATE_HZ  # 1 s of silence at most stands for lost packets; a longer hole is cut short


class Mic:
    """One call's. ``start_sample``: of the next block."""

    def __init__(self, counts: Counter[str]):
        self._counts = counts
        self._resampler = Resampler(SAMPLE_RATE_HZ, RATE_HZ)
        self._rest = np.zeros(HELD_BACK, np.int16)
        self._expected_pts: int | None = None
        self.start_sample = 0

    def take(self, frame: av.AudioFrame) -> list[tuple[int, np.ndarray]]:
        """frame: s16, 48 kHz, pts in samples. Returns the blocks that are complete: (start_sample, int16 [320])."""
        sound = frame.to_ndarray().reshape(-1, frame.layout.nb_channels)[:, 0]  # a microphone's channels are alike
        gap = 0 if self._expected_pts is None else frame.pts - self._expected_pts
        self._expected_pts = frame.pts + len(sound)
        if gap > 0:
            self._counts["lost mic"] += 1
            sound = np.concatenate([np.zeros(min(gap, WIDEST_GAP_SAMPLES), np.int16), sound])
        sound = np.concatenate([self._rest, self._resampler.add(sound)])
        blocks = []
        while len(sound) >= BLOCK_SAMPLES:
            blocks.append((self.start_sample, sound[:BLOCK_SAMPLES]))
            sound = sound[BLOCK_SAMPLES:]
            self.start_sample += BLOCK_SAMPLES
        self._rest = sound
        return blocks
