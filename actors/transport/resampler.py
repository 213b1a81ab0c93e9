"""Streaming change of the sample rate, mono, by FFmpeg's swresample: no seams between blocks, no delay."""

import av
import numpy as np


class Resampler:
    """Sample 0 out is at the time of sample 0 in; the last millisecond comes out with flush()."""

    def __init__(self, in_hz: int, out_hz: int):
        self._in_hz = in_hz
        self._resampler = av.AudioResampler(format="s16", layout="mono", rate=out_hz)

    def add(self, sound: np.ndarray) -> np.ndarray:
        """sound: int16 [n]; returns int16 [about n * out_hz / in_hz]."""
        if not len(sound):
            return sound
        frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(sound).reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate = self._in_hz
        return self._joined(self._resampler.resample(frame))

    def flush(self) -> np.ndarray:
        """The rest, int16 [n]. Nothing can be added afterwards."""
        return self._joined(self._resampler.resample(None))

    @staticmethod
    def _joined(frames: list[av.AudioFrame]) -> np.ndarray:
        return np.concatenate([np.empty(0, np.int16), *(frame.to_ndarray().reshape(-1) for frame in frames)])
