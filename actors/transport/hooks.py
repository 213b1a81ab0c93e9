"""What aiortc 1.16.0 has no public way for. Each hook sets an attribute of one object, before media flows.

The names are aiortc's private ones: tests/test_hooks.py fails where another version changes what they rest on.
"""

from collections.abc import Callable

import aioice.ice
import ifaddr
from aiortc import RTCRtpReceiver, RTCRtpSender, rtp
from aiortc.jitterbuffer import JitterFrame
from aiortc.utils import uint16_gt

NTP_EPOCH_S = 2_208_988_800  # 1900 to 1970
LOOPBACK = "127.0.0.1"


def has_only_loopback() -> bool:
    """Whether this machine has no network address but those of ``lo``."""
    addresses = [ip.ip if ip.is_IPv4 else ip.ip[0] for adapter in ifaddr.get_adapters() for ip in adapter.ips]
    return all(address.startswith("127.") or address == "::1" for address in addresses)


def offer_only_loopback() -> None:
    """ICE candidates on 127.0.0.1 alone; aioice itself leaves that address out. For the whole process."""
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: [LOOPBACK]


def on_keyframe_request(sender: RTCRtpSender, callback: Callable[[], None]) -> None:
    """``callback()`` for each PLI and FIR (RFC 4585 6.3.1, RFC 5104 4.3.1); aiortc's own flag never reaches packets."""
    sender._send_keyframe = callback


def on_bitrate(sender: RTCRtpSender, callback: Callable[[int], None]) -> None:
    """``callback(bits_per_s)`` for each REMB about this sender (draft-alvestrand-rmcat-remb)."""
    handle = sender._handle_rtcp_packet

    async def handle_rtcp_packet(packet) -> None:
        if isinstance(packet, rtp.RtcpPsfbPacket) and packet.fmt == rtp.RTCP_PSFB_APP:
            try:
                bits_per_s, ssrcs = rtp.unpack_remb_fci(packet.fci)
            except ValueError:  # another message of the same number, or a broken one
                ssrcs = []
            if sender._ssrc in ssrcs:
                callback(bits_per_s)
        await handle(packet)

    sender._handle_rtcp_packet = handle_rtcp_packet


def report_truthfully(sender: RTCRtpSender, rate_hz: int, zero_s: Callable[[], float]) -> None:
    """Makes sender reports (RFC 3550 6.4.1) state the media clock.

    aiortc pairs the time of sending with the timestamp of what was sent, so that the browser takes the one for the
    time of capture and sees no skew between tracks. ``zero_s()`` gives the wall-clock time of media time zero, the
    same for all tracks of a call. The NTP side is left alone: round-trip times stay right.
    """
    next_frame, send_rtcp = sender._next_encoded_frame, sender._send_rtcp
    last_timestamp: int | None = None
    origin: int | None = None  # aiortc adds a random one to all timestamps of a sender

    async def next_encoded_frame(codec):
        nonlocal last_timestamp, origin
        if origin is None and last_timestamp is not None:  # all of the first frame has been sent by now
            origin = sender._RTCRtpSender__rtp_timestamp - last_timestamp
        frame = await next_frame(codec)
        if frame is not None:
            last_timestamp = frame.timestamp
        return frame

    async def send_truthful_rtcp(packets) -> None:
        for packet in packets:
            if isinstance(packet, rtp.RtcpSrPacket) and packet.sender_info.ntp_timestamp and origin is not None:
                since_zero_s = packet.sender_info.ntp_timestamp / 2**32 - NTP_EPOCH_S - zero_s()
                packet.sender_info.rtp_timestamp = (origin + round(since_zero_s * rate_hz)) & 0xFFFFFFFF
        await send_rtcp(packets)

    sender._next_encoded_frame = next_encoded_frame
    sender._send_rtcp = send_truthful_rtcp


class Direct:
    """In place of aiortc's audio jitter buffer, which holds packets for 80 ms and 280 ms for ever after one loss.

    Hands every packet on as it comes and drops what comes behind its successor; who reads the track fills the gaps.
    """

    def __init__(self):
        self._last: int | None = None

    def add(self, packet: rtp.RtpPacket) -> tuple[bool, JitterFrame | None]:
        """Returns (whether to ask for a key frame, the frame that is complete), as aiortc's own buffer does."""
        is_new = self._last is None or uint16_gt(packet.sequence_number, self._last)
        if not is_new or not packet._data:  # an empty packet would end the decoder
            return False, None
        self._last = packet.sequence_number
        return False, JitterFrame(data=packet._data, timestamp=packet.timestamp)


def receive_directly(receiver: RTCRtpReceiver) -> None:
    """Takes the jitter buffer out of an audio receiver. To be called before the connection is up."""
    receiver._RTCRtpReceiver__jitter_buffer = Direct()
