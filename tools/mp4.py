"""Pictures and sound in sync, as an MP4 of H.264 and AAC."""

import fractions
from pathlib import Path

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from protocol.clock import SECOND
from tools.errors import ToolError

VIDEO_HZ, SOUND_HZ = 90_000, 48_000
FPS = 30  # nominal; each picture has its own time
QUALITY = {"crf": "18", "preset": "veryfast"}  # the eye sees no difference to the source


class CannotWrite(ToolError):
    """A file that cannot be written where it should."""


class Mp4:
    """A film in the making; closed, and complete, where its ``with`` block ends. Raises CannotWrite."""

    def __init__(self, path: Path):
        try:
            path.open("wb").close()  # PyAV opens it with the first packet only
        except OSError as error:
            raise CannotWrite(f"{path}: {error.strerror}") from error
        self._container = av.open(str(path), "w", format="mp4", options={"movflags": "faststart"})
        self._video = self._container.add_stream("libx264", rate=FPS, options=QUALITY)
        codec = self._video.codec_context
        codec.pix_fmt, codec.time_base = "yuv420p", fractions.Fraction(1, VIDEO_HZ)
        codec.colorspace, codec.color_range = Colorspace.ITU601, ColorRange.MPEG  # else players take HD for BT.709
        self._audio = self._container.add_stream("aac", rate=SOUND_HZ, layout="mono")
        self._samples = 0

    def __enter__(self) -> "Mp4":
        return self

    def __exit__(self, kind: type | None, *_: object) -> None:
        if kind is None:
            self._container.mux(self._video.encode(None))
            self._container.mux(self._audio.encode(None))
        self._container.close()

    def show(self, frame: av.VideoFrame, at_ns: int) -> None:
        """A picture, seen from ``at_ns`` on. The film has the size of the first; PyAV scales the others to it."""
        codec = self._video.codec_context
        if not codec.is_open:
            codec.width, codec.height = frame.width, frame.height
        frame.pts, frame.time_base = at_ns * VIDEO_HZ // SECOND, fractions.Fraction(1, VIDEO_HZ)
        frame.pict_type = av.video.frame.PictureType.NONE
        self._container.mux(self._video.encode(frame))

    def play(self, pcm: np.ndarray) -> None:
        """Int16 [samples] at 48 kHz, none or more, heard after what was given before."""
        if not len(pcm):
            return
        frame = av.AudioFrame.from_ndarray(pcm[None], format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = SOUND_HZ, self._samples, fractions.Fraction(1, SOUND_HZ)
        self._samples += len(pcm)
        self._container.mux(self._audio.encode(frame))
