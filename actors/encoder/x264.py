"""H.264 by libx264 through PyAV, made for packets that are sent as they are:

Annex B, no B-frames, SPS and PPS before each IDR.
"""

import fractions

import av
import numpy as np
from av.video.frame import PictureType

MAX_BITS_PER_S = 2_500_000
BUFFER_S = 0.25  # of the rate control: keeps an IDR of 720p at 30 to 45 KB; 1 s lets it grow past 100 KB
KEYFRAME_EVERY_S = 10  # for those who join or record; browsers ask when they need one
TIME_BASE = fractions.Fraction(1, 90_000)


class X264:
    """Engine: ultrafast and zerolatency, one thread; about 3 ms of a core for a frame of 720p."""

    name = "x264"

    def missing(self) -> str | None:
        return None if "libx264" in av.codecs_available else "this build of PyAV has no libx264"

    def load(self) -> None:
        pass

    def warm(self) -> None:
        self.open(64, 64, 30).encode(np.zeros((96, 64), np.uint8), key=True)

    def open(self, width: int, height: int, fps: int) -> "Stream":
        return Stream(width, height, fps)

    def close(self) -> None:
        pass


class Stream:
    """One call's encoder."""

    def __init__(self, width: int, height: int, fps: int):
        self._pts_per_frame = TIME_BASE.denominator // fps
        self._pts = 0
        codec = av.CodecContext.create("libx264", "w")
        codec.width, codec.height, codec.pix_fmt = width, height, "yuv420p"
        codec.time_base, codec.framerate = TIME_BASE, fractions.Fraction(fps, 1)
        codec.bit_rate, codec.thread_count = MAX_BITS_PER_S, 1
        codec.options = {
            "preset": "ultrafast",
            "tune": "zerolatency",
            "profile": "baseline",
            "level": "3.1",
            "g": str(KEYFRAME_EVERY_S * fps),
            "forced-idr": "1",
            "sc_threshold": "0",
            "maxrate": str(MAX_BITS_PER_S),
            "bufsize": str(int(MAX_BITS_PER_S * BUFFER_S)),
            "x264-params": "sliced-threads=0:sync-lookahead=0",
        }
        self._codec = codec

    def limit(self, bits_per_s: int) -> None:
        """Takes effect at once, without an IDR."""
        self._codec.bit_rate = min(bits_per_s, MAX_BITS_PER_S)

    def encode(self, planes: np.ndarray, key: bool) -> tuple[np.ndarray, bool]:
        """planes: uint8 [height * 3 / 2, width], YUV420.

        Returns the access unit, uint8 [bytes], and whether it is an IDR.
        """
        frame = av.VideoFrame.from_numpy_buffer(planes, "yuv420p")
        frame.pts, frame.time_base = self._pts, TIME_BASE
        frame.pict_type = PictureType.I if key else PictureType.NONE
        self._pts += self._pts_per_frame
        packets = self._codec.encode(frame)
        data = b"".join(bytes(packet) for packet in packets)
        return np.frombuffer(data, np.uint8), any(packet.is_keyframe for packet in packets)
