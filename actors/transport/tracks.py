"""What aiortc sends: pictures that are encoded already, and sound on absolute deadlines."""

import asyncio
from collections import Counter, deque
from collections.abc import Callable

import av
import numpy as np
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError

from actors.transport.media import (
    PACKET_NS,
    PACKET_SAMPLES,
    SAMPLE_RATE_HZ,
    SOUND_TIME_BASE,
    VIDEO_TIME_BASE,
)
from actors.transport.playout import Picture
from protocol.clock import MS, SECOND, now_ns

MOST_PICTURES = 60  # that wait for the network; a sender so far behind begins again with a key frame
SKIP_NS = 200 * MS  # sound later than this is not caught up with, but skipped
OPUS_BITS_PER_S = 48_000


class Pictures(MediaStreamTrack):
    """Hands packets to aiortc, which sends them as they are. ``wants_key(reason)``: a key frame must come."""

    kind = "video"

    def __init__(self, counts: Counter[str], wants_key: Callable[[str], None]):
        super().__init__()
        self._counts, self._wants_key = counts, wants_key
        self._waiting: deque[Picture] = deque()
        self._there = asyncio.Event()
        self.needs_key = True

    def send(self, picture: Picture) -> None:
        """Queues a picture; one that could not be decoded, because no key frame went before, is dropped."""
        if len(self._waiting) >= MOST_PICTURES:
            self._waiting.clear()
            self._counts["overflow video"] += 1
            self.restart("the sender fell behind")
        if self.needs_key and not picture.key:
            self._counts["undecodable video"] += 1
            return
        self.needs_key = False
        self._waiting.append(picture)
        self._there.set()

    def restart(self, reason: str) -> None:
        """What comes from now on does not follow what was sent: waits for a key frame."""
        self.needs_key = True
        self._wants_key(reason)

    async def recv(self) -> av.Packet:
        """The next picture. Never encodes or sleeps: aiortc's loop sends nothing else meanwhile."""
        while not self._waiting:
            if self.readyState != "live":
                raise MediaStreamError
            self._there.clear()
            await self._there.wait()
        picture = self._waiting.popleft()
        packet = av.Packet(picture.data.tobytes())
        packet.pts, packet.time_base, packet.is_keyframe = picture.pts, VIDEO_TIME_BASE, picture.key
        return packet


class Sound(MediaStreamTrack):
    """Opus packets on the deadlines zero_ns + k * 20 ms; ``sound(k)`` gives int16 [960].

    ``latest_ns``: the worst lateness since somebody set it to zero.
    """

    kind = "audio"

    def __init__(self, zero_ns: int, sound: Callable[[int], np.ndarray], counts: Counter[str]):
        super().__init__()
        self._zero_ns, self._sound, self._counts = zero_ns, sound, counts
        self._index: int | None = None
        self.latest_ns = 0
        codec = av.CodecContext.create("libopus", "w")
        codec.bit_rate, codec.format, codec.layout, codec.sample_rate = OPUS_BITS_PER_S, "s16", "mono", SAMPLE_RATE_HZ
        codec.time_base = SOUND_TIME_BASE
        codec.options = {"application": "voip", "frame_duration": "20"}
        self._codec = codec

    async def recv(self) -> av.Packet:
        """The next packet, on its deadline; silence is sent, too, for the browser's clock."""
        if self.readyState != "live":
            raise MediaStreamError
        if self._index is None:
            self._index = (now_ns() - self._zero_ns) // PACKET_NS + 1
        due_ns = self._zero_ns + self._index * PACKET_NS
        wait_ns = due_ns - now_ns()
        if wait_ns > 0:
            await asyncio.sleep(wait_ns / SECOND)
        late_ns = now_ns() - due_ns
        self.latest_ns = max(self.latest_ns, late_ns)
        if late_ns > SKIP_NS:
            self._index += late_ns // PACKET_NS
            self._counts["skipped sound"] += late_ns // PACKET_NS
        packet = self._encoded(self._sound(self._index), self._index * PACKET_SAMPLES)
        self._index += 1
        return packet

    def _encoded(self, samples: np.ndarray, pts: int) -> av.Packet:
        frame = av.AudioFrame.from_ndarray(samples.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.pts, frame.time_base = SAMPLE_RATE_HZ, pts, SOUND_TIME_BASE
        packet = av.Packet(b"".join(bytes(part) for part in self._codec.encode(frame)))
        packet.pts, packet.time_base = pts, SOUND_TIME_BASE
        return packet
