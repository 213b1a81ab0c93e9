"""The encoder: pictures in, H.264 packets out. Its clock is the picture: one packet for each. 30 Hz <- renderer"""

from collections.abc import Iterator, Sequence

from actors.encoder.x264 import X264, Stream
from actors.step import Input, Output
from protocol.clock import MS
from protocol.messages import Bitrate, Frame, KeyframeRequest, Packet, Session

KEYFRAME_GAP_NS = 300 * MS  # requests closer than this are one: a browser repeats itself until the picture is back


class Encoder:
    """Machine of one call."""

    HEARS = (Session, Frame, KeyframeRequest, Bitrate)
    wake_ns = None

    def __init__(self, engine: X264):
        self._engine = engine
        self._fps = 30
        self._limit: int | None = None
        self._size: tuple[int, int] | None = None
        self._stream: Stream | None = None
        self._key_wanted = True
        self._key_ns = -KEYFRAME_GAP_NS

    def step(self, inputs: Sequence[Input], now_ns: int) -> Iterator[Output]:
        for one in inputs:
            match one.message:
                case Session(state="open", fps=fps):
                    self._fps = fps
                case KeyframeRequest():
                    self._key_wanted = True
                case Bitrate(bits_per_s=limit):
                    self._limit = limit
                    if self._stream:
                        self._stream.limit(limit)
                case Frame():
                    yield self._encode(one, now_ns)

    def _encode(self, one: Input, now_ns: int) -> Output:
        frame: Frame = one.message
        if self._size != (frame.width, frame.height):
            self._size = (frame.width, frame.height)
            self._stream = self._engine.open(frame.width, frame.height, self._fps)
            if self._limit:
                self._stream.limit(self._limit)
            self._key_wanted, self._key_ns = True, -KEYFRAME_GAP_NS
        key = self._key_wanted and now_ns - self._key_ns >= KEYFRAME_GAP_NS
        if key:
            self._key_wanted, self._key_ns = False, now_ns
        data, is_key = self._stream.encode(one.content, key)
        packet = Packet(frame=frame.frame, offset_ns=frame.offset_ns, key=is_key, quality=frame.quality)
        return Output(packet, content=data, cause=one)
