"""The units of the call's media clock: all times of a call count from its ``zero_ns``."""

import fractions

SAMPLE_RATE_HZ = 48_000  # of Opus
PACKET_SAMPLES = 960
PACKET_NS = 20_000_000  # one Opus packet; 10 ms ones do not shorten the browser's buffer
VIDEO_RATE_HZ = 90_000  # of H.264 in RTP (RFC 6184 5.1)
SOUND_TIME_BASE = fractions.Fraction(1, SAMPLE_RATE_HZ)
VIDEO_TIME_BASE = fractions.Fraction(1, VIDEO_RATE_HZ)


def samples_ns(samples: int) -> int:
    """How long so many samples at 48 kHz last."""
    return samples * 1_000_000_000 // SAMPLE_RATE_HZ
