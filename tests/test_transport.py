"""The transport actor: HTTP in words, and a real call between a real process and a WebRTC client."""

import asyncio
import json
import os
import re
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import aiohttp
import aioice.ice
import av
import numpy as np
import pytest
from aiohttp.test_utils import TestClient, TestServer
from aiortc import AudioStreamTrack, RTCConfiguration, RTCPeerConnection, RTCRtpReceiver, RTCSessionDescription

from actors.encoder.x264 import X264
from actors.port import Port
from actors.step import Input, Output
from actors.transport import exchange, hooks
from actors.transport.events import Events
from actors.transport.exchange import Exchange
from actors.transport.latency import Stages, Timed
from actors.transport.mic import BLOCK_SAMPLES, Mic
from actors.transport.playout import Picture
from actors.transport.server import MOST_BYTES, Server
from actors.transport.tracks import MOST_PICTURES, Pictures, Sound
from protocol import messages as m
from protocol.clock import MS, SECOND, now_ns
from protocol.envelope import Envelope

ROOT = Path(__file__).parents[1]
DEADLINE_S = 15.0


@pytest.fixture(autouse=True)
def on_loopback(monkeypatch):
    """The clients of these tests, too, must find the server on a machine that has nothing but ``lo``."""
    monkeypatch.setattr(aioice.ice, "get_host_addresses", lambda use_ipv4, use_ipv6: [hooks.LOOPBACK])


class Notes:
    """In a Port's place where nothing is heard: keeps what is said."""

    def __init__(self):
        self.counts, self.longest_step_ms = Counter(), 0.0
        self.said: list[tuple[str, object]] = []

    def publish(self, output, session):
        self.said.append((session, output.message))

    def beat(self, state, sessions=0, note=""):
        pass

    def forget(self, session):
        pass

    def reopen(self, session, timeout_s):
        return [kept(m.Session(state="open"), session, "transport")]


def kept(message, session="", actor="x") -> Input:
    envelope = Envelope(topic="", actor=actor, session=session, boot=1, seq=1, sent_ns=0)
    return Input(envelope, message)


# ---- HTTP


class Site:
    """The server with no bus behind it."""

    def __init__(self, most_calls=2, allowed=(), kept=()):
        self.port = Notes()
        self.exchange = Exchange(self.port, kept, most_calls)
        self._client = TestClient(TestServer(Server(self.exchange, "127.0.0.1", list(allowed)).app()))

    async def __aenter__(self):
        await self._client.start_server()
        return self

    async def __aexit__(self, *_):
        await self.exchange.close()
        await self._client.close()

    async def ask(self, method, path, **more):
        """Returns (status, body, headers)."""
        async with self._client.request(method, path, **more) as response:
            text = await response.text()
            is_json = response.content_type == "application/json"
            return response.status, json.loads(text) if is_json else text, response.headers

    async def offer(self, sdp, kind="offer", session="", **more):
        body = {"type": kind, "sdp": sdp, "session": session}
        return await self.ask("POST", "/api/offer", json=body, **more)


def site_test(check, **options):
    async def run():
        async with Site(**options) as site:
            await check(site)

    asyncio.run(run())


def browser_offer(audio="sendrecv", video="recvonly", codec=None, channel=True) -> str:
    """As browsers make it: VP8 stands before H.264."""

    async def make():
        peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        if audio:
            peer.addTransceiver("audio", direction=audio)
        if video:
            transceiver = peer.addTransceiver("video", direction=video)
            codecs = RTCRtpReceiver.getCapabilities("video").codecs
            transceiver.setCodecPreferences([one for one in codecs if codec in (None, one.mimeType)])
        if channel:
            peer.createDataChannel("events")
        await peer.setLocalDescription(await peer.createOffer())
        sdp = peer.localDescription.sdp
        await peer.close()
        return sdp

    return asyncio.run(make())


@pytest.mark.parametrize(
    ("sdp", "words"),
    [
        ("", "does not begin with v=0"),
        ("hello", "does not begin with v=0"),
        ("v=0\r\n", "0 audio parts"),
        ("v=0\r\nm=audio nonsense\r\n", "cannot|can be read"),
        ("v=0\r\nm=video 9 UDP/TLS/RTP/SAVPF 999\r\n", "can be read"),
    ],
)
def test_what_is_no_session_description_is_refused_in_words(sdp, words):
    async def check(site):
        status, body, _ = await site.offer(sdp)
        assert status == 400 and re.search(words, body["error"])
        assert site.port.said == []

    site_test(check)


@pytest.mark.parametrize(
    ("offer", "words"),
    [
        (dict(audio=None), "0 audio parts"),
        (dict(audio="recvonly"), "audio is recvonly"),
        (dict(video=None), "0 video parts"),
        (dict(video="sendonly"), "video is sendonly"),
        (dict(codec="video/VP8"), "no H.264"),
    ],
)
def test_an_offer_that_no_call_can_come_of_is_refused_with_what_is_missing(offer, words):
    sdp = browser_offer(**offer)

    async def check(site):
        status, body, _ = await site.offer(sdp)
        assert status == 400 and words in body["error"]
        assert site.exchange.health()["calls"] == 0

    site_test(check)


def test_an_offer_of_another_h264_profile_alone_is_refused_and_leaves_no_call():
    sdp = browser_offer().replace("42e01f", "640032").replace("42001f", "640032")

    async def check(site):
        status, body, _ = await site.offer(sdp)
        assert status == 400 and "video" in body["error"]
        assert site.exchange.health()["calls"] == 0

    site_test(check)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[1]", b'{"type": "offer"}', b'{"type": "answer", "sdp": "v=0"}', b"[" * 60_000]
)
def test_a_request_that_is_no_offer_is_refused(body):
    async def check(site):
        status, answer, _ = await site.ask("POST", "/api/offer", data=body)
        assert status == 400 and answer["error"].startswith("the request")

    site_test(check)


def test_a_request_larger_than_64_kib_is_refused():
    async def check(site):
        status, body, _ = await site.ask("POST", "/api/offer", data=b"x" * (MOST_BYTES + 1))
        assert status == 413 and "too large" in body["error"]

    site_test(check)


def test_the_answer_has_h264_and_an_unguessable_session():
    sdp = browser_offer()

    async def check(site):
        status, body, _ = await site.offer(sdp)
        assert status == 200 and body["type"] == "answer"
        video = body["sdp"].split("m=video")[1]
        first = re.match(r" \d+ \S+ (\d+)", video).group(1)
        assert f"a=rtpmap:{first} H264/90000" in video and "profile-level-id=42e01f" in video
        assert re.fullmatch(r"[A-Za-z0-9_-]{22}", body["session_id"])

    site_test(check)


def test_one_call_too_many_is_told_to_come_back():
    sdp = browser_offer()

    async def check(site):
        _, first, _ = await site.offer(sdp)
        status, body, headers = await site.offer(sdp)
        assert status == 503 and "1 places are taken" in body["error"] and int(headers["Retry-After"]) > 0
        status, _, _ = await site.ask("DELETE", f"/api/session/{first['session_id']}")
        assert status == 200
        status, _, _ = await site.offer(sdp)
        assert status == 200

    site_test(check, most_calls=1)


def test_hanging_up_a_call_that_is_not_there_is_told():
    async def check(site):
        status, body, _ = await site.ask("DELETE", "/api/session/nobody")
        assert status == 404 and body["error"]

    site_test(check)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 400),
        ({"Origin": "http://{host}"}, 400),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://evil.example", "Host": "evil.example"}, 403),
        ({"Origin": "https://friend.example"}, 400),
        ({"Origin": "https://friend.example", "Host": "friend.example"}, 400),
    ],
)
def test_only_pages_of_this_server_and_of_allowed_ones_may_call(headers, status):
    async def check(site):
        host = f"127.0.0.1:{site._client.port}"
        sent = {name: value.format(host=host) for name, value in headers.items()}
        got, body, _ = await site.offer("hello", headers=sent)
        assert got == status and body["error"]

    site_test(check, allowed=["https://friend.example"])


def test_every_answer_has_the_headers_that_confine_the_page():
    async def check(site):
        for path, status in ("/", 200), ("/web/page.js", 200), ("/web/", 403), ("/web/../server.py", 404), ("/no", 404):
            got, body, headers = await site.ask("GET", path)
            assert got == status, path
            assert "default-src 'none'" in headers["Content-Security-Policy"]
            assert headers["X-Content-Type-Options"] == "nosniff"
            assert status == 200 or body["error"]

    site_test(check)


def test_the_page_loads_only_what_is_there():
    async def check(site):
        _, page, _ = await site.ask("GET", "/")
        wanted = re.findall(r'(?:src|href)="(/[^"]+)"', page)
        assert len(wanted) >= 3
        for path in wanted:
            status, text, headers = await site.ask("GET", path)
            assert status == 200, path
            wanted += [one for one in re.findall(r"from '(/web/[^']+)'", text) if one not in wanted]
        assert "/web/problem.js" in wanted
        assert "<script>" not in page and "style=" not in page  # the security policy would stop them

    site_test(check)


def test_health_tells_which_actors_are_missing():
    beat = m.Health(actor="tts", engine="flite", state="ready", pid=1)

    async def check(site):
        status, body, _ = await site.ask("GET", "/api/health")
        assert status == 200 and body["ready"] is False
        assert body["missing"] == ["vad", "stt", "llm", "animator", "renderer", "encoder"]
        assert body["actors"]["tts"]["engine"] == "flite"

    site_test(check, kept=[kept(beat)])


def test_the_times_of_the_turns_are_told_in_numbers_alone():
    async def check(site):
        _, empty, _ = await site.ask("GET", "/api/turns")
        assert empty["turns"] == [] and set(empty["p50"].values()) == {None}
        site.exchange.turns.add(Timed(3, 2, True, Stages(commit=240.5, heard=281.0)))
        status, body, headers = await site.ask("GET", "/api/turns")
        assert status == 200 and headers["Cache-Control"] == "no-store"
        assert set(body) == {"turns", "p50", "p95", "drafts"}
        (turn,) = body["turns"]
        assert (turn["turn"], turn["utterance"], turn["drafted"], turn["heard"]) == (3, 2, True, 281.0)
        assert body["p50"] == body["p95"] and body["p50"]["commit"] == 240.5 and body["p50"]["first_frame"] is None
        told = (turn, body["p50"], body["p95"], body["drafts"])
        assert all(value is None or isinstance(value, int | float) for part in told for value in part.values())

    site_test(check)


def test_a_call_of_a_process_that_died_goes_on_with_the_page_that_comes_back_to_it():
    sdp = browser_offer()

    async def check(site):
        status, body, _ = await site.offer(sdp, session="elsewhere")
        assert status == 200 and body["session_id"] not in ("orphan", "elsewhere")
        status, body, _ = await site.offer(sdp, session="orphan")
        assert status == 200 and body["session_id"] == "orphan"
        assert site.port.said == []

    site_test(check, kept=[kept(m.Session(state="open"), "orphan", "transport")])


def test_nobody_comes_back_to_a_call_of_a_process_that_died_and_it_is_closed(monkeypatch):
    monkeypatch.setattr(exchange, "RETURN_NS", -1)

    async def check(site):
        site.exchange.beat()
        assert site.port.said == [("orphan", m.Session(state="closed", reason="its browser did not come back"))]

    site_test(check, kept=[kept(m.Session(state="open"), "orphan", "transport")])


def test_who_hangs_up_while_the_process_is_away_ends_the_call():
    async def check(site):
        assert (await site.ask("DELETE", "/api/session/orphan"))[0] == 200
        assert site.port.said == [("orphan", m.Session(state="closed", reason="the user hung up"))]
        assert (await site.ask("DELETE", "/api/session/orphan"))[0] == 404

    site_test(check, kept=[kept(m.Session(state="open"), "orphan", "transport")])


def test_a_page_that_comes_back_before_its_loss_was_noticed_goes_on_with_the_same_call_and_takes_no_second_place():
    sdp = browser_offer()

    async def check(site):
        _, body, _ = await site.offer(sdp)
        waiting = asyncio.ensure_future(site.ask("GET", f"/api/session/{body['session_id']}/end"))
        await asyncio.sleep(0.05)
        status, again, _ = await site.offer(sdp, session=body["session_id"])
        assert status == 200 and again["session_id"] == body["session_id"]
        assert (await waiting)[:2] == (200, {"ended": False})
        assert site.exchange.health()["calls"] == 1 and site.port.said == []

    site_test(check, most_calls=1)


def test_a_call_whose_connection_is_lost_waits_for_its_page_and_ends_without_it(monkeypatch):
    sdp = browser_offer()

    async def lose(site, session):
        site.exchange._calls[session].hang_up("nothing comes", goes_on=True)
        await asyncio.sleep(0.05)
        assert site.exchange.health()["calls"] == 0

    async def check(site):
        session = (await site.offer(sdp))[1]["session_id"]
        await lose(site, session)
        assert (await site.offer(sdp, session=session))[1]["session_id"] == session
        monkeypatch.setattr(exchange, "RETURN_NS", -1)
        await lose(site, session)
        site.exchange.beat()
        assert site.port.said == [(session, m.Session(state="closed", reason="its browser did not come back"))]
        assert (await site.offer(sdp))[0] == 200

    site_test(check, most_calls=1)


def test_a_call_that_waits_for_its_page_gives_its_place_to_another_one():
    sdp = browser_offer()

    async def check(site):
        session = (await site.offer(sdp))[1]["session_id"]
        site.exchange._calls[session].hang_up("nothing comes", goes_on=True)
        await asyncio.sleep(0.05)
        status, body, _ = await site.offer(sdp)
        assert status == 200 and body["session_id"] != session
        ((ended, message),) = site.port.said
        assert ended == session and message.state == "closed" and "another one calls" in message.reason

    site_test(check, most_calls=1)


def test_the_end_of_a_call_is_told_to_who_waits_for_it():
    sdp = browser_offer()

    async def check(site):
        _, body, _ = await site.offer(sdp)
        waiting = asyncio.ensure_future(site.ask("GET", f"/api/session/{body['session_id']}/end"))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await site.ask("DELETE", f"/api/session/{body['session_id']}")
        assert (await waiting)[:2] == (200, {"ended": True})
        assert (await site.ask("GET", "/api/session/nobody/end"))[1] == {"ended": False}

    site_test(check)


# ---- tracks and microphone


def _sound_frame(level, pts, samples=960):
    frame = av.AudioFrame.from_ndarray(np.full((1, 2 * samples), level, np.int16), format="s16", layout="stereo")
    frame.sample_rate, frame.pts = 48_000, pts
    return frame


def test_every_packet_of_the_microphone_completes_a_block():
    mic = Mic(Counter())
    blocks = [mic.take(_sound_frame(1000, k * 960)) for k in range(50)]
    assert [len(one) for one in blocks] == [1] * 50
    assert [start for ((start, _),) in blocks] == [320 * k for k in range(50)]
    assert all(block.dtype == np.int16 and block.shape == (BLOCK_SAMPLES,) for ((_, block),) in blocks)
    assert np.abs(np.concatenate([block for ((_, block),) in blocks[2:]]) - 1000).max() <= 2


def test_lost_packets_of_the_microphone_become_as_much_silence():
    counts = Counter()
    mic = Mic(counts)
    sound = [block for k in (0, 1, 2, 6, 7, 8) for _, block in mic.take(_sound_frame(1000, k * 960))]
    sound = np.concatenate(sound)
    assert len(sound) == 9 * BLOCK_SAMPLES and counts == {"lost mic": 1}
    assert np.abs(sound[4 * 320 : 6 * 320]).max() < 30 and sound[7 * 320 :].min() > 990


def test_a_long_hole_of_the_microphone_is_cut_to_a_second():
    mic = Mic(Counter())
    mic.take(_sound_frame(1000, 0))
    blocks = mic.take(_sound_frame(1000, 48_000 * 60))
    assert len(blocks) == 51


def _picture(key=False):
    return Picture(np.zeros(4, np.uint8), 0, key)


def test_nothing_is_sent_before_a_key_frame_and_a_sender_far_behind_begins_again_with_one():
    async def check():
        counts, asked = Counter(), []
        track = Pictures(counts, asked.append)
        track.send(_picture())
        assert counts == {"undecodable video": 1} and asked == []
        track.send(_picture(key=True))
        for _ in range(MOST_PICTURES):
            track.send(_picture())
        assert counts["overflow video"] == 1 and asked == ["the sender fell behind"]
        track.send(_picture(key=True))
        assert (await track.recv()).is_keyframe

    asyncio.run(check())


def test_sound_leaves_on_the_deadlines_of_the_media_clock():
    async def check():
        zero_ns = now_ns() - 70 * MS
        asked, track = [], None

        def sound(index):
            asked.append((index, now_ns() - zero_ns))
            return np.zeros(960, np.int16)

        track = Sound(zero_ns, sound, Counter())
        packets = [await track.recv() for _ in range(5)]
        first = asked[0][0]
        assert first >= 4  # the deadlines before it have passed
        assert [packet.pts for packet in packets] == [960 * (first + k) for k in range(5)]
        assert all(at_ns >= index * 20 * MS for index, at_ns in asked)
        return packets

    for packet in asyncio.run(check()):
        decoder = av.CodecContext.create("libopus", "r")
        decoder.sample_rate, decoder.layout = 48_000, "mono"
        assert sum(frame.samples for frame in decoder.decode(packet)) in (960, 960 - 312)  # 312: Opus's own delay


def test_after_a_stall_sound_skips_what_it_missed():
    async def check():
        counts, asked = Counter(), []
        track = Sound(now_ns(), lambda index: asked.append(index) or np.zeros(960, np.int16), counts)
        await track.recv()
        time.sleep(0.3)  # on purpose: the event loop stands still
        await track.recv()
        await track.recv()
        assert asked[1] - asked[0] >= 14 and asked[2] == asked[1] + 1
        assert counts["skipped sound"] >= 13

    asyncio.run(check())


# ---- events


class Channel:
    readyState = "open"

    def __init__(self):
        self.lines = []

    def send(self, line):
        self.lines.append(json.loads(line))


def test_the_page_reads_a_sentence_when_it_is_heard_and_learns_how_long_it_waited():
    events, channel = Events(Counter()), Channel()

    def take(message, turn=0):
        events.take(Input(Envelope(topic="", actor="x", turn=turn, boot=1, seq=1, sent_ns=0), message))

    take(m.Speech(state="paused", utterance=3, at_sample=0, at_ns=5 * SECOND))
    take(m.Transcript(utterance=3, stage="final", text="hello"))
    take(m.Reply(sentence=0, text="Hi."), turn=8)
    take(m.Turn(state="committed", utterance=3), turn=8)
    events.attach(channel)
    assert channel.lines == [{"type": "transcript", "utterance": 3, "stage": "final", "text": "hello"}]
    events.played(8, m.Playout(state="started", anchor_ns=5 * SECOND + 321 * MS, heard_ms=0))
    events.begun(8, 0)
    assert channel.lines[1:] == [
        {"type": "latency", "turn": 8, "ms": 321.0},
        {"type": "playout", "turn": 8, "state": "started", "heard_ms": 0},
        {"type": "reply", "turn": 8, "sentence": 0, "text": "Hi."},
    ]


# ---- the process


@pytest.fixture
def process(bus, run_folder):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    running = start_transport(run_folder, port)
    running.url = f"http://127.0.0.1:{port}"
    yield running
    running.kill()
    running.communicate()


def start_transport(run_folder, port, *more):
    command = [sys.executable, "-m", "actors.transport", "--port", str(port), *more]
    environment = {**os.environ, "VISAVIS_RUN": str(run_folder)}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True)


class Tape:
    """In the place of aiortc's jitter buffer: keeps the payloads that arrive, by timestamp."""

    def __init__(self):
        self.payloads: dict[int, list[bytes]] = {}

    def add(self, packet):
        self.payloads.setdefault(packet.timestamp, []).append(packet._data)
        return False, None


class Client:
    """A browser's part, by aiortc: a microphone that sends a tone, and tapes of what comes."""

    def __init__(self, url, mic=None):
        self._url, self._mic = url, mic or Tone()
        self.peer = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.sound, self.video, self.lines = Tape(), Tape(), []

    async def __aenter__(self):
        self.peer.addTrack(self._mic)
        self.peer.addTransceiver("video", direction="recvonly")
        self.peer.createDataChannel("events").on("message", lambda text: self.lines.append(json.loads(text)))
        await self.peer.setLocalDescription(await self.peer.createOffer())
        for transceiver, tape in zip(self.peer.getTransceivers(), (self.sound, self.video), strict=True):
            transceiver.receiver._RTCRtpReceiver__jitter_buffer = tape
        offer = {"type": "offer", "sdp": self.peer.localDescription.sdp}
        async with aiohttp.ClientSession() as http:
            for _ in range(100):
                try:
                    async with http.post(f"{self._url}/api/offer", json=offer) as response:
                        self.body = await response.json()
                    break
                except aiohttp.ClientConnectionError:  # the process is still starting
                    await asyncio.sleep(0.1)
        await self.peer.setRemoteDescription(RTCSessionDescription(self.body["sdp"], self.body["type"]))
        return self

    async def __aexit__(self, *_):
        await self.peer.close()


class Tone(AudioStreamTrack):
    """440 Hz instead of silence."""

    async def recv(self):
        frame = await super().recv()
        phase = 2 * np.pi * 440 * (frame.pts + np.arange(frame.samples)) / frame.sample_rate
        tone = av.AudioFrame.from_ndarray((8000 * np.sin(phase)).astype(np.int16)[None], format="s16", layout="mono")
        tone.sample_rate, tone.pts, tone.time_base = frame.sample_rate, frame.pts, frame.time_base
        return tone


class LastWord(AudioStreamTrack):
    """A second of silence, 100 ms of tone, and then nothing at all any more."""

    def __init__(self):
        super().__init__()
        self._tone = Tone()

    async def recv(self):
        frame = await self._tone.recv()
        if frame.pts >= 1.1 * frame.sample_rate:
            await asyncio.sleep(3600)
        if frame.pts < frame.sample_rate:
            frame.planes[0].update(bytes(frame.planes[0].buffer_size))
        return frame


@pytest.fixture
def actors(bus, run_folder):
    """Ports of what stands around the transport; "encoder" hears."""
    hears = (m.Session, m.MicAudio, m.KeyframeRequest, m.Playout)
    ports = {name: Port(name, "", hears if name == "encoder" else (), run_folder) for name in ("encoder", "tts", "llm")}
    for port in ports.values():
        port.open()
    yield ports
    for port in ports.values():
        port.close()


class Ear:
    """Hears one message after the other."""

    def __init__(self, port):
        self._port, self._waiting = port, []

    async def heard(self, kind, wanted=lambda message: True) -> Input:
        """The next such message; those before it are passed over."""
        async with asyncio.timeout(DEADLINE_S):
            while True:
                while self._waiting:
                    one = self._waiting.pop(0)
                    if isinstance(one.message, kind) and wanted(one.message):
                        return one
                self._waiting = self._port.receive()
                await asyncio.sleep(0.01)


def nal_units(data: bytes) -> list[bytes]:
    return [unit for unit in re.split(rb"\x00?\x00\x00\x01", data) if unit]


@pytest.mark.slow
def test_a_call_carries_pictures_byte_for_byte_sound_and_microphone_until_it_is_hung_up(process, actors):
    ear = Ear(actors["encoder"])
    encoder = X264().open(320, 240, 30)
    noise = np.random.default_rng(1).integers(16, 235, (6, 360, 320)).astype(np.uint8)
    units = [encoder.encode(planes, key=k == 0) for k, planes in enumerate(noise)]

    async def call():
        async with Client(process.url) as client:
            session = (await ear.heard(m.Session)).envelope.session
            assert session == client.body["session_id"]
            await ear.heard(m.KeyframeRequest)
            for frame, (data, key) in enumerate(units):
                actors["encoder"].publish(Output(m.Packet(frame=frame, key=key), content=data), session)
            mic = await ear.heard(m.MicAudio, lambda block: block.start_sample > 8000)
            assert 5000 < np.abs(mic.content).max() < 6500  # of 8000: aiortc's way from mono to stereo takes 3 dB
            voice = m.Voice(sample_rate_hz=16_000, start_sample=0, sentence=0, last=True)
            tone = (8000 * np.sin(2 * np.pi * 440 * np.arange(3200) / 16_000)).astype(np.int16)
            actors["llm"].publish(Output(m.Reply(sentence=0, text="Aaa."), turn=1), session)
            actors["llm"].publish(Output(m.Turn(state="committed"), turn=1), session)
            actors["tts"].publish(Output(voice, content=tone, turn=1), session)
            done = await ear.heard(m.Playout, lambda playout: playout.state == "finished")
            assert done.message.heard_ms == pytest.approx(200)
            await asyncio.sleep(0.2)
            async with aiohttp.ClientSession() as http:
                await http.delete(f"{process.url}/api/session/{session}")
            closed = await ear.heard(m.Session)
            assert (closed.message.state, closed.message.reason) == ("closed", "the user hung up")
            return client

    client = asyncio.run(call())
    pictures = [b"".join(client.video.payloads[at]) for at in sorted(client.video.payloads)]
    assert len(pictures) == len(units)
    for got, (sent, _) in zip(pictures, units, strict=True):
        assert nal_units(got) == nal_units(sent.tobytes())
    assert [line for line in client.lines if line["type"] == "reply"] == [
        {"type": "reply", "turn": 1, "sentence": 0, "text": "Aaa."}
    ]
    times = sorted(client.sound.payloads)
    assert set(np.diff(times)) == {960}
    assert max(len(client.sound.payloads[at][0]) for at in times) > 60  # bytes: a tone, where silence has few


@pytest.mark.slow
def test_key_frames_are_asked_for_when_browser_or_bus_lost_one_and_no_request_is_forgotten(process, actors, run_folder):
    ear = Ear(actors["encoder"])
    key = X264().open(64, 64, 30).encode(np.zeros((96, 64), np.uint8), key=True)[0]

    async def call():
        async with Client(process.url) as client:
            session = (await ear.heard(m.Session)).envelope.session
            requests = [await ear.heard(m.KeyframeRequest)]
            async with asyncio.timeout(DEADLINE_S):
                while not client.video.payloads:
                    actors["encoder"].publish(Output(m.Packet(frame=0, key=True), content=key), session)
                    await asyncio.sleep(0.03)
            receiver = next(one.receiver for one in client.peer.getTransceivers() if one.kind == "video")
            ssrc = receiver.getSynchronizationSources()[0].source
            await asyncio.sleep(0.3)
            for _ in range(5):  # the first is passed on at once, the others as one
                await receiver._send_rtcp_pli(ssrc)
            requests += [await ear.heard(m.KeyframeRequest) for _ in range(2)]
            actors["encoder"].close()
            again = actors["encoder"] = Port("encoder", "", (m.KeyframeRequest,), run_folder)
            again.open()
            again.publish(Output(m.Packet(frame=1), content=key), session)
            return [*requests, await Ear(again).heard(m.KeyframeRequest)]

    requests = asyncio.run(call())
    assert [one.message.reason for one in requests] == [
        "a call begins",
        "the browser asks",
        "the browser asks",
        "a packet was lost on the bus",
    ]
    times = [one.envelope.sent_ns for one in requests]
    assert all(later - earlier > 190 * MS for earlier, later in zip(times, times[1:], strict=False))


@pytest.mark.slow
def test_nothing_of_a_microphone_that_falls_silent_is_kept_back(process, actors):
    ear = Ear(actors["encoder"])

    async def call():
        async with Client(process.url, LastWord()):
            blocks = [await ear.heard(m.MicAudio)]
            while np.abs(blocks[-1].content).max() < 3000:
                blocks.append(await ear.heard(m.MicAudio))
            return blocks

    starts = [one.message.start_sample for one in asyncio.run(call())]
    assert starts == list(range(0, 320 * len(starts), 320))


@pytest.mark.slow
def test_a_client_that_hangs_up_is_noticed(process, actors):
    ear = Ear(actors["encoder"])

    async def call():
        async with Client(process.url):
            assert (await ear.heard(m.Session)).message.state == "open"
            await ear.heard(m.MicAudio)  # before the connection is complete nobody hears that it is closed
        assert (await ear.heard(m.Session)).message.state == "closed"

    asyncio.run(call())


def test_a_port_that_is_taken_is_told_in_one_line(run_folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        process = start_transport(run_folder, port := taken.getsockname()[1])
        _, errors = process.communicate(timeout=30)
    assert process.returncode == 3
    assert len(errors.splitlines()) == 1 and f"port {port} on 127.0.0.1 is taken" in errors and "--port" in errors


def test_a_certificate_that_is_not_there_is_named(run_folder):
    process = start_transport(run_folder, 0, "--cert", "/no/cert.pem", "--key", "/no/key.pem")
    _, errors = process.communicate(timeout=30)
    assert process.returncode == 3
    assert len(errors.splitlines()) == 1 and "/no/cert.pem" in errors
