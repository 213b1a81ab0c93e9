"""What the hooks rest on inside aiortc: each fails here where another version changed it."""

import asyncio
import time
from importlib.metadata import version

import aioice.ice
import pytest
from aiortc import RTCConfiguration, RTCPeerConnection, rtp
from aiortc.codecs import CODECS, depayload
from aiortc.contrib.media import MediaStreamTrack
from aiortc.jitterbuffer import JitterBuffer

from actors.transport import hooks


class Track(MediaStreamTrack):
    kind = "video"

    async def recv(self):
        await asyncio.sleep(3600)


@pytest.fixture
def sender():
    async def make():
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        sender = peer.addTrack(Track())
        await peer.close()
        return sender

    return asyncio.run(make())


def test_the_version_is_the_one_the_hooks_were_made_for():
    assert version("aiortc") == "1.16.0"


@pytest.mark.parametrize("fmt", [rtp.RTCP_PSFB_PLI, rtp.RTCP_PSFB_FIR])
def test_a_request_of_the_browser_for_a_key_frame_is_heard(sender, fmt):
    heard = []
    hooks.on_keyframe_request(sender, lambda: heard.append(fmt))
    asyncio.run(sender._handle_rtcp_packet(rtp.RtcpPsfbPacket(fmt=fmt, ssrc=1, media_ssrc=sender._ssrc)))
    assert heard == [fmt]


def _remb(fci: bytes) -> rtp.RtcpPsfbPacket:
    return rtp.RtcpPsfbPacket(fmt=rtp.RTCP_PSFB_APP, ssrc=1, media_ssrc=0, fci=fci)


def test_the_bitrate_estimate_for_this_sender_is_heard_and_no_other(sender):
    heard = []
    hooks.on_bitrate(sender, heard.append)

    async def feed():
        await sender._handle_rtcp_packet(_remb(rtp.pack_remb_fci(1_500_000, [sender._ssrc])))
        await sender._handle_rtcp_packet(_remb(rtp.pack_remb_fci(900_000, [sender._ssrc ^ 1])))
        await sender._handle_rtcp_packet(_remb(b"junk"))

    asyncio.run(feed())
    assert heard == [pytest.approx(1_500_000, rel=0.01)]


def test_requests_still_reach_aiortc_itself(sender):
    heard = []
    hooks.on_keyframe_request(sender, lambda: heard.append("key"))
    hooks.on_bitrate(sender, heard.append)
    packet = rtp.RtcpPsfbPacket(fmt=rtp.RTCP_PSFB_PLI, ssrc=1, media_ssrc=sender._ssrc)
    asyncio.run(sender._handle_rtcp_packet(packet))
    assert heard == ["key"]


def test_a_sender_report_states_the_media_clock(sender):
    """The time of a report is not the time of the last frame, and its RTP side says so."""
    sent, origin = [], 123_456

    class Frame:
        def __init__(self, timestamp):
            self.timestamp = timestamp

    frames = iter([Frame(9000), Frame(18_000)])

    async def next_frame(codec):
        return next(frames)

    async def send(packets):
        sent.extend(packets)

    sender._next_encoded_frame, sender._send_rtcp = next_frame, send
    zero_s = time.time() - 2.0
    hooks.report_truthfully(sender, 90_000, lambda: zero_s)

    def report(at_s):
        info = rtp.RtcpSenderInfo(
            ntp_timestamp=round((at_s + hooks.NTP_EPOCH_S) * 2**32), rtp_timestamp=7, packet_count=1, octet_count=1
        )
        return rtp.RtcpSrPacket(ssrc=1, sender_info=info)

    async def play():
        await sender._next_encoded_frame(None)
        assert isinstance(sender._RTCRtpSender__rtp_timestamp, int)
        sender._RTCRtpSender__rtp_timestamp = origin + 9000  # as aiortc's loop does after sending
        await sender._send_rtcp([report(zero_s + 1)])
        await sender._next_encoded_frame(None)
        await sender._send_rtcp([report(zero_s + 1.5)])

    asyncio.run(play())
    unknown_yet, known = (packet.sender_info for packet in sent)
    assert unknown_yet.rtp_timestamp == 7
    assert known.rtp_timestamp == pytest.approx(origin + 1.5 * 90_000, abs=1)
    assert known.ntp_timestamp == round((zero_s + 1.5 + hooks.NTP_EPOCH_S) * 2**32)


def _packet(sequence: int, data: bytes = b"opus") -> rtp.RtpPacket:
    packet = rtp.RtpPacket(sequence_number=sequence & 0xFFFF, timestamp=sequence * 960)
    packet._data = data
    return packet


def test_the_direct_buffer_stands_in_the_place_of_the_jitter_buffer():
    async def check():
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        receiver = peer.addTransceiver("audio").receiver
        assert isinstance(receiver._RTCRtpReceiver__jitter_buffer, JitterBuffer)
        hooks.receive_directly(receiver)
        assert isinstance(receiver._RTCRtpReceiver__jitter_buffer, hooks.Direct)
        await peer.close()

    asyncio.run(check())


def test_every_packet_passes_at_once_also_after_a_loss():
    direct = hooks.Direct()
    passed = [direct.add(_packet(sequence))[1] for sequence in (65_534, 65_535, 65_536, 65_539, 65_540)]
    assert [frame.timestamp for frame in passed] == [960 * s for s in (65_534, 65_535, 65_536, 65_539, 65_540)]
    assert {frame.data for frame in passed} == {b"opus"}


def test_a_packet_behind_its_successor_and_an_empty_one_are_dropped():
    direct = hooks.Direct()
    passed = [direct.add(packet) for packet in (_packet(5), _packet(7), _packet(6), _packet(7), _packet(8, b""))]
    assert [frame is not None for _, frame in passed] == [True, True, False, False, False]
    assert not any(ask for ask, _ in passed)


def test_a_received_packet_carries_its_payload_where_the_direct_buffer_looks():
    codec = next(codec for codec in CODECS["audio"] if codec.mimeType == "audio/opus")
    assert depayload(codec, b"payload") == b"payload"


def test_only_loopback_is_offered(monkeypatch):
    monkeypatch.setattr(aioice.ice, "get_host_addresses", aioice.ice.get_host_addresses)  # put back afterwards
    hooks.offer_only_loopback()

    async def candidates():
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        peer.createDataChannel("x")
        await peer.setLocalDescription(await peer.createOffer())
        sdp = peer.localDescription.sdp
        await peer.close()
        return [line.split()[4] for line in sdp.splitlines() if line.startswith("a=candidate")]

    assert asyncio.run(candidates()) == ["127.0.0.1"]


@pytest.mark.parametrize(
    ("addresses", "only"),
    [(["127.0.0.1", "::1"], True), (["127.0.0.1", "10.1.2.3"], False), (["::1", "fd00::2"], False)],
)
def test_a_machine_with_nothing_but_lo_is_known(monkeypatch, addresses, only):
    class Address:
        def __init__(self, text):
            self.is_IPv4 = ":" not in text
            self.ip = text if self.is_IPv4 else (text, 0, 0)

    class Adapter:
        ips = [Address(text) for text in addresses]

    monkeypatch.setattr(hooks.ifaddr, "get_adapters", lambda: [Adapter])
    assert hooks.has_only_loopback() is only
