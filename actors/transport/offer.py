"""The browser's offer: what it must contain, and the connection made from it."""

from collections import Counter

from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpSender,
    RTCRtpTransceiver,
    RTCSessionDescription,
)
from aiortc.exceptions import InvalidStateError, OperationError
from aiortc.sdp import MediaDescription, SessionDescription

H264 = "video/H264"
PROFILE = "42e01f"  # constrained baseline, level 3.1: what all browsers decode and the encoder makes (RFC 6184 8.1)
UNPARSABLE = (ValueError, AssertionError, KeyError, IndexError, AttributeError, TypeError, StopIteration)


class BadOffer(Exception):
    """An offer that no call can come of; the message is for the user."""


def check(sdp: str) -> None:
    """Raises BadOffer, saying what is missing."""
    if not sdp.startswith("v=0"):
        raise BadOffer("the offer is no session description: it does not begin with v=0")
    media = _parsed(sdp).media
    kinds = Counter(one.kind for one in media if one.port)
    for kind, why in ("audio", "for the microphone and the voice"), ("video", "for the face"):
        if kinds[kind] != 1:
            raise BadOffer(f"the offer has {kinds[kind]} {kind} parts; a call needs one, {why}")
    if set(kinds) - {"audio", "video", "application"} or kinds["application"] > 1 or len(media) != kinds.total():
        raise BadOffer("the offer has more parts than audio, video and one data channel")
    audio, video = (next(one for one in media if one.kind == kind) for kind in ("audio", "video"))
    if audio.direction != "sendrecv":
        raise BadOffer(f"the offer's audio is {audio.direction}; a call needs sendrecv: a microphone and a voice")
    if video.direction not in ("sendrecv", "recvonly"):
        raise BadOffer(f"the offer's video is {video.direction}; a call needs recvonly")
    if H264 not in [codec.mimeType for codec in video.rtp.codecs]:
        raise BadOffer("the offer has no H.264 video, and this server sends no other: use a browser that decodes H.264")


def _parsed(sdp: str) -> SessionDescription:
    try:
        return SessionDescription.parse(sdp)
    except UNPARSABLE as error:  # aiortc's parser states no error of its own
        raise BadOffer(f"the offer is no session description that can be read ({type(error).__name__})") from error


def connection(sound: MediaStreamTrack, pictures: MediaStreamTrack) -> RTCPeerConnection:
    """Sends both tracks, receives sound. H.264 is chosen here: once aiortc has the offer, it takes its first codec."""
    peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))  # without this, aiortc asks a public STUN server
    peer.addTrack(sound)
    peer.addTrack(pictures)
    video = transceiver(peer, "video")
    video.direction = "sendonly"
    video.setCodecPreferences(
        [
            codec
            for codec in RTCRtpSender.getCapabilities("video").codecs
            if codec.mimeType == "video/rtx"
            or (codec.mimeType == H264 and codec.parameters.get("profile-level-id") == PROFILE)
        ]
    )
    return peer


def transceiver(peer: RTCPeerConnection, kind: str) -> RTCRtpTransceiver:
    return next(one for one in peer.getTransceivers() if one.kind == kind)


async def answer(peer: RTCPeerConnection, sdp: str) -> str:
    """Answers a checked offer; returns the answer's session description. Raises BadOffer where that cannot be done."""
    try:
        await peer.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
    except (*UNPARSABLE, InvalidStateError, OperationError) as error:
        raise BadOffer(f"the offer cannot be answered: {error}") from error
    answered = peer.localDescription.sdp
    chosen = _first_video_codec(SessionDescription.parse(answered).media)
    if chosen != H264:  # aiortc would send H.264 as if it were that: black video, and no error anywhere
        raise BadOffer(f"the answer came out with {chosen} instead of {H264}")
    return answered


def _first_video_codec(media: list[MediaDescription]) -> str | None:
    return next((one.rtp.codecs[0].mimeType for one in media if one.kind == "video" and one.rtp.codecs), None)
