"""An outside caller: a WebRTC client that knows nothing of the system but its address, and is light on the processor.

It speaks prepared sound at real pace and keeps every packet it gets with the time it came; nothing is decoded during
the call.
"""

import asyncio
import fractions
import json
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import aiohttp
import av
import numpy as np
from aiortc import AudioStreamTrack, RTCConfiguration, RTCPeerConnection, RTCRtpReceiver, RTCSessionDescription
from attrs import define, field, frozen

from protocol.clock import MS, SECOND, now_ns
from tools.errors import ToolError

RATE_HZ = 48_000
BLOCK = 960  # samples of 20 ms, one Opus packet
AUDIBLE = 330  # of 32768: about -40 dBFS, above codec noise and below any phone but the softest
REPLY_TIMEOUT_S = 20.0
RETURN_S = 15.0  # as long as the page waits for a server that went away
AGAIN_S = 0.02  # before it tries again, as the page: the next time 1.1 times as long
MOST_LATE = 10  # blocks, which a busy machine catches up with; more were not heard


class CallFailed(ToolError):
    """The server refused the call or does not answer; the message holds its own words."""


class NoSpeech(ToolError):
    """The file to speak is missing or is no sound."""


@frozen
class Arrival:
    """One RTP packet: data is an Opus packet, or a piece of an H.264 access unit in Annex B."""

    at_ns: int
    timestamp: int
    sequence: int
    marker: bool
    data: bytes


class Tape:
    """Takes the place of aiortc's jitter buffer: keeps what arrives and hands nothing to a decoder."""

    def __init__(self):
        self.arrivals: list[Arrival] = []

    def add(self, packet) -> tuple[bool, None]:
        arrival = Arrival(now_ns(), packet.timestamp, packet.sequence_number, bool(packet.marker), packet._data)
        self.arrivals.append(arrival)
        return False, None


class Microphone(AudioStreamTrack):
    """Silence, or what was given to speak, in 20 ms blocks on absolute deadlines. One connection after another may
    draw from it: what falls between them is not heard."""

    def __init__(self):
        super().__init__()
        self._start_ns, self._sent = 0, 0
        self._pending = np.zeros(0, np.int16)

    def speak(self, pcm: np.ndarray) -> int:
        """Queues int16 at 48 kHz; returns the time at which its first sample leaves."""
        self._pending = np.concatenate([self._pending, pcm])
        return self._start_ns + self._sent * 20 * MS

    @property
    def is_speaking(self) -> bool:
        return len(self._pending) > 0

    async def recv(self) -> av.AudioFrame:
        self._start_ns = self._start_ns or now_ns()
        missed = (now_ns() - self._start_ns) // (20 * MS) - self._sent
        if missed > MOST_LATE:
            self._pending, self._sent = self._pending[missed * BLOCK :], self._sent + missed
        await asyncio.sleep(max(0, self._start_ns + self._sent * 20 * MS - now_ns()) / SECOND)
        block, self._pending = self._pending[:BLOCK], self._pending[BLOCK:]
        frame = av.AudioFrame.from_ndarray(np.pad(block, (0, BLOCK - len(block)))[None], format="s16", layout="mono")
        frame.sample_rate, frame.time_base = RATE_HZ, fractions.Fraction(1, RATE_HZ)
        frame.pts = self._sent * BLOCK
        self._sent += 1
        return frame


@define
class Turn:
    """One question and what came back. Times on the clock of this host."""

    speech_end_ns: int  # the last audible sample of the question left
    begin_ns: int
    end_ns: int = 0
    heard: dict[int, str] = field(factory=dict)  # final transcripts by utterance
    reply: list[str] = field(factory=list)

    @property
    def transcript(self) -> str:
        return " ".join(text for text in self.heard.values() if text)


class Caller:
    """A call. ``await connect()``, any number of ``await ask()``, ``await close()``; or ``async with Caller(url)``.

    Where the server's process ends, it comes back to the next one by itself, as the page does. tapes: of the present
    connection; ``past_tapes``: of those before.
    """

    def __init__(self, url: str):
        self._url = url.rstrip("/")
        self._peer: RTCPeerConnection | None = None
        self.microphone = Microphone()
        self.tapes: dict[str, Tape] = {}
        self.past_tapes: list[dict[str, Tape]] = []
        self.clicked_ns = 0
        self.session_id = ""
        self.events: list[tuple[int, dict]] = []  # (ns, what the server told)
        self._state = "idle"
        self._changed = asyncio.Event()
        self._turn: Turn | None = None
        self._told: dict[int, str] = {}  # final transcripts by utterance
        self._returning: asyncio.Task | None = None

    async def __aenter__(self) -> "Caller":
        await self.connect()
        return self

    async def __aexit__(self, *_) -> None:
        await self.close()

    async def connect(self) -> None:
        """Returns when the first picture is there. Raises CallFailed."""
        self.clicked_ns = now_ns()
        await self._dial()
        deadline = time.monotonic() + 10
        while not any(arrival.marker for arrival in self.tapes["video"].arrivals):
            if time.monotonic() > deadline or self._peer.connectionState in ("failed", "closed"):
                raise CallFailed(f"no picture within 10 s; the connection is {self._peer.connectionState}")
            await asyncio.sleep(0.005)

    async def _dial(self, until: float = 0.0) -> None:
        """``until``: of time.monotonic(); so long a server that does not answer is asked again."""
        peer = self._peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.tapes = {"audio": Tape(), "video": Tape()}
        peer.addTrack(self.microphone)
        video = peer.addTransceiver("video", direction="recvonly")
        h264 = [c for c in RTCRtpReceiver.getCapabilities("video").codecs if c.mimeType == "video/H264"]
        video.setCodecPreferences(h264)
        peer.createDataChannel("events").on("message", self._on_event)
        await peer.setLocalDescription(await peer.createOffer())
        for transceiver in peer.getTransceivers():
            transceiver.receiver._RTCRtpReceiver__jitter_buffer = self.tapes[transceiver.kind]
        await peer.setRemoteDescription(await self._answer(until))
        self._returning = asyncio.create_task(self._return())

    async def _return(self) -> None:
        """Waits until the server has ended the call, or its process has ended; then goes on with the next one."""
        if await self._is_over():
            return
        self.past_tapes.append(self.tapes)
        await self._peer.close()
        with suppress(CallFailed):
            await self._dial(time.monotonic() + RETURN_S)

    async def _is_over(self) -> bool:
        try:
            url, timeout = f"{self._url}/api/session/{self.session_id}/end", aiohttp.ClientTimeout(total=None)
            async with aiohttp.ClientSession(timeout=timeout) as http, http.get(url) as response:
                return (await response.json())["ended"]
        except (aiohttp.ClientError, json.JSONDecodeError):
            return False

    async def _answer(self, until: float) -> RTCSessionDescription:
        wait_s = AGAIN_S
        while True:
            try:
                return await self._post()
            except CallFailed:
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(wait_s)
                wait_s *= 1.1

    async def _post(self) -> RTCSessionDescription:
        description = self._peer.localDescription
        offer = {"sdp": description.sdp, "type": description.type, "session": self.session_id}
        try:
            async with aiohttp.ClientSession() as http, http.post(f"{self._url}/api/offer", json=offer) as response:
                body = await response.json()
        except (aiohttp.ClientError, json.JSONDecodeError) as error:
            raise CallFailed(f"no answer from {self._url}: {error}") from error
        if response.status != 200:
            raise CallFailed(f"{self._url} says {response.status}: {body.get('error', '')}")
        self.session_id = body["session_id"]
        return RTCSessionDescription(body["sdp"], body["type"])

    def _on_event(self, text: str) -> None:
        event = json.loads(text)
        self.events.append((now_ns(), event))
        self._changed.set()
        turn = self._turn
        match event["type"]:
            case "state":
                self._state = event["state"]
            case "transcript" if turn and event["stage"] == "final":
                number, text = event["utterance"], event["text"]
                if self._told.get(number) != text:  # who comes back is told the last one again
                    turn.heard[number] = self._told[number] = text
            case "reply" if turn:
                turn.reply.append(event["text"])

    async def ask(self, pcm: np.ndarray) -> Turn:
        """Speaks int16 at 48 kHz and returns when the reply has been heard, or after 20 s without one."""
        audible = np.flatnonzero(np.abs(pcm.astype(np.int32)) > AUDIBLE)
        last_s = (int(audible[-1]) if len(audible) else len(pcm)) / RATE_HZ
        begin_ns = self.microphone.speak(pcm)
        turn = self._turn = Turn(speech_end_ns=begin_ns + int(last_s * SECOND), begin_ns=begin_ns)
        deadline_ns = turn.speech_end_ns + int(REPLY_TIMEOUT_S * SECOND)
        spoke = False
        while now_ns() < deadline_ns:
            self._changed.clear()
            if self._state == "speaking":
                spoke, deadline_ns = True, now_ns() + int(REPLY_TIMEOUT_S * SECOND)
            elif spoke:
                break
            try:
                await asyncio.wait_for(self._changed.wait(), (deadline_ns - now_ns()) / SECOND)
            except TimeoutError:
                break
        await asyncio.sleep(0.3)  # the last sounds are still on their way when the state changes
        turn.end_ns, self._turn = now_ns(), None
        return turn

    async def until(self, wanted: Callable[[dict], bool], since_ns: int, seconds: float) -> int | None:
        """When the first event of that kind was told after ``since_ns``; None where none came so soon."""
        deadline_ns = now_ns() + int(seconds * SECOND)
        while True:
            self._changed.clear()
            for at_ns, event in self.events:
                if at_ns > since_ns and wanted(event):
                    return at_ns
            try:
                await asyncio.wait_for(self._changed.wait(), max(0, deadline_ns - now_ns()) / SECOND)
            except TimeoutError:
                return None

    async def quiet(self, seconds: float) -> None:
        """Returns when the face rests, or after so long."""
        deadline_ns = now_ns() + int(seconds * SECOND)
        while self._state != "idle" and now_ns() < deadline_ns:
            await asyncio.sleep(0.02)

    def last(self, kind: str) -> dict:
        """The latest event of a kind."""
        return next(event for _, event in reversed(self.events) if event["type"] == kind)

    async def close(self) -> None:
        self._returning.cancel()
        await self._peer.close()


def load_speech(path: Path) -> np.ndarray:
    """Any audio file as int16 at 48 kHz, mono. Raises NoSpeech where it is none."""
    resampler = av.AudioResampler("s16", "mono", RATE_HZ)
    try:
        with av.open(str(path)) as container:
            if not container.streams.audio:
                raise NoSpeech(f"{path} has no sound in it")
            frames = [out for frame in container.decode(audio=0) for out in resampler.resample(frame)]
    except av.FFmpegError as error:
        raise NoSpeech(f"{path} cannot be read as sound: {error.strerror}") from error
    frames += resampler.resample(None)
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])
