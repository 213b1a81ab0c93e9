"""What a caller got back, decoded after the call: sound and pictures on one clock, and as an MP4."""

import fractions
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from attrs import frozen

from protocol.clock import SECOND
from tools.caller import BLOCK, RATE_HZ, Arrival, Tape
from tools.mp4 import VIDEO_HZ, Mp4


@frozen(eq=False)
class Sound:
    """int16 at 48 kHz. ``start_ns``: when the first sample could be heard by a player that holds nothing back."""

    pcm: np.ndarray
    start_ns: int
    arrivals_ns: np.ndarray  # of each 20 ms block; -1 for a lost one

    def at_ns(self, sample: int) -> int:
        return self.start_ns + sample * SECOND // RATE_HZ


@frozen(eq=False)
class Picture:
    """An access unit: ``at_ns`` on the same clock as the sound, ``arrival_ns`` of its last packet."""

    at_ns: int
    arrival_ns: int
    data: bytes


def _unwrapped(arrivals: list[Arrival]) -> np.ndarray:
    """RTP timestamps as int64 without the wrap of 32 bits, from 0."""
    stamps = np.array([arrival.timestamp for arrival in arrivals], np.int64)
    return np.concatenate([[0], np.cumsum((np.diff(stamps) + 2**31) % 2**32 - 2**31)])


def _origin_ns(stamps: np.ndarray, arrivals_ns: np.ndarray, rate_hz: int) -> int:
    """When timestamp 0 arrived, had it met the least delay of all: the minimum filter of NTP (RFC 5905)."""
    return int((arrivals_ns - stamps * SECOND // rate_hz).min())


def sound(tape: Tape) -> Sound:
    """Decodes the Opus packets; a lost one is silence."""
    arrivals = sorted(tape.arrivals, key=lambda arrival: arrival.at_ns)
    stamps = _unwrapped(arrivals)
    decoder = av.CodecContext.create("opus", "r")
    decoder.sample_rate, decoder.layout = RATE_HZ, "mono"
    resampler = av.AudioResampler("s16", "mono", RATE_HZ)
    blocks = int(stamps.max()) // BLOCK + 1
    pcm, arrivals_ns = np.zeros(blocks * BLOCK, np.int16), np.full(blocks, -1, np.int64)
    for stamp, arrival in zip(stamps, arrivals, strict=True):
        packet = av.Packet(arrival.data)
        packet.time_base = fractions.Fraction(1, RATE_HZ)
        for frame in decoder.decode(packet):
            for block in resampler.resample(frame):
                samples = block.to_ndarray()[0][: len(pcm) - stamp]
                pcm[stamp : stamp + len(samples)] = samples
        arrivals_ns[stamp // BLOCK] = arrival.at_ns
    return Sound(pcm, _origin_ns(stamps, np.array([a.at_ns for a in arrivals]), RATE_HZ), arrivals_ns)


def pictures(tape: Tape) -> list[Picture]:
    """The complete access units, in order."""
    arrivals = sorted(tape.arrivals, key=lambda arrival: arrival.at_ns)
    stamps = _unwrapped(arrivals)
    units: dict[int, list[Arrival]] = {}
    for stamp, arrival in zip(stamps, arrivals, strict=True):
        units.setdefault(int(stamp), []).append(arrival)
    whole = {stamp: unit for stamp, unit in units.items() if any(arrival.marker for arrival in unit)}
    last_ns = np.array([max(arrival.at_ns for arrival in unit) for unit in whole.values()])
    origin_ns = _origin_ns(np.array(list(whole)), last_ns, VIDEO_HZ)
    return [
        Picture(
            at_ns=origin_ns + stamp * SECOND // VIDEO_HZ,
            arrival_ns=int(arrival_ns),
            data=b"".join(a.data for a in sorted(unit, key=lambda a: (a.sequence - unit[0].sequence) % 2**16)),
        )
        for (stamp, unit), arrival_ns in zip(whole.items(), last_ns, strict=True)
    ]


def decoded(units: list[Picture]) -> Iterator[tuple[Picture, av.VideoFrame]]:
    """Each picture with its decoded frame; those before the first keyframe are left out."""
    decoder = av.CodecContext.create("h264", "r")
    decoder.flags |= av.codec.context.Flags.low_delay
    decoder.thread_count = 1
    for unit in units:
        for frame in decoder.decode(av.Packet(unit.data)):
            yield unit, frame


def write_mp4(path: Path, heard: Sound, units: list[Picture], begin_ns: int, end_ns: int) -> None:
    """Sound and pictures of [begin_ns, end_ns) in sync. H.264 starts at a keyframe only, so it is encoded anew."""
    with Mp4(path) as film:
        for unit, frame in decoded(units):
            if begin_ns <= unit.at_ns < end_ns:
                film.show(frame, unit.at_ns - begin_ns)
        first = max(0, (begin_ns - heard.start_ns) * RATE_HZ // SECOND)
        last = max(first, (end_ns - heard.start_ns) * RATE_HZ // SECOND)
        delay = max(0, (heard.start_ns - begin_ns) * RATE_HZ // SECOND)
        film.play(np.concatenate([np.zeros(delay, np.int16), heard.pcm[first:last]]))
