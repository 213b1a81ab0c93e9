"""One call: the browser on one side, the bus on the other."""

import asyncio
import logging
import time
from collections.abc import Callable, Sequence

from aiortc import MediaStreamTrack, RTCDataChannel
from aiortc.mediastreams import MediaStreamError

from actors.port import Port
from actors.step import Input, Output
from actors.transport import hooks, offer
from actors.transport.events import Events
from actors.transport.latency import Latency
from actors.transport.media import SAMPLE_RATE_HZ, VIDEO_RATE_HZ
from actors.transport.mic import RATE_HZ as MIC_HZ
from actors.transport.mic import Mic
from actors.transport.playout import Playout
from actors.transport.tracks import Pictures, Sound
from protocol.clock import SECOND, now_ns
from protocol.messages import (
    Bitrate,
    Dialogue,
    Floor,
    KeyframeRequest,
    MicAudio,
    Packet,
    Reply,
    Session,
    Speech,
    Transcript,
    Turn,
    Voice,
)

log = logging.getLogger(__name__)

CONNECT_S = 15  # from the answer to a connection
SILENCE_S = 5  # without a packet from the browser: the connection is gone
KEYFRAME_EVERY_S = 0.2  # at most; browsers repeat their request until they have one
BITRATE_EVERY_NS = SECOND  # at most
LEAST_BITS_PER_S, MOST_BITS_PER_S = 300_000, 2_500_000


class Call:
    """Made from an offer. ``over(call)`` is called once, when everything of it is closed.

    past: of a call that goes on after its connection was lost: what was said in it. ``is_over``: set at the end;
    ``goes_on``: with another connection, of this process or the next.
    """

    def __init__(
        self,
        session: str,
        user: str,
        port: Port,
        latency: Latency,
        over: Callable[["Call"], None],
        past: Sequence[Input] = (),
    ):
        self.session = session
        self.is_over, self.goes_on = asyncio.Event(), False
        self._latency = latency
        self._user = user
        self._port, self._over = port, over
        self._zero_ns = now_ns()
        self._playout = Playout(self._zero_ns, port.counts)
        self._mic = Mic(port.counts)
        self.events = Events(port.counts)
        self._pictures = Pictures(port.counts, self._request_key)
        self._sound = Sound(self._zero_ns, self._next_sound, port.counts)
        for track in self._sound, self._pictures:  # aiortc ends a track that failed, and goes on without it
            track.on("ended", lambda: self.hang_up("a track ended"))
        self._peer = offer.connection(self._sound, self._pictures)
        self._peer.on("track", self._listen)
        self._peer.on("datachannel", self._attach)
        self._peer.on("iceconnectionstatechange", self._ice_changed)
        self._peer.on("connectionstatechange", self._connection_changed)
        self._timer: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task] = set()
        self._is_open, self._is_closing = False, False
        self._key_timer: asyncio.TimerHandle | None = None  # runs while a further request must wait
        self._key_reason = ""  # of the request that waits
        self._bitrate_ns, self._bits_per_s = 0, MOST_BITS_PER_S
        self._packet_boot_seq = (0, 0)
        self._resume(past)

    def _resume(self, past: Sequence[Input]) -> None:
        self._playout.resume(past, self._zero_ns)
        self._last_mic: Input | None = None
        utterance = max((one.message.utterance for one in past if isinstance(one.message, Transcript)), default=0)
        for one in past:
            match one.message:
                case MicAudio():
                    self._last_mic = one
                case Reply() | Turn(state="committed") | Speech(state="started"):
                    self.events.take(one)
                case Transcript(utterance=of) if of == utterance:  # may not have reached the page
                    self.events.take(one)
        if states := [one for one in past if isinstance(one.message, Dialogue)]:
            self.events.take(states[-1])

    async def answer(self, sdp: str) -> str:
        """Returns the answer to the offer. Raises BadOffer; the call must then be closed."""
        self._start(self._watch())
        for kind, rate_hz in ("audio", SAMPLE_RATE_HZ), ("video", VIDEO_RATE_HZ):
            sender = offer.transceiver(self._peer, kind).sender
            hooks.report_truthfully(sender, rate_hz, self._zero_wall_s)
        hooks.on_keyframe_request(sender, lambda: self._request_key("the browser asks"))
        hooks.on_bitrate(sender, self._limit)
        hooks.receive_directly(offer.transceiver(self._peer, "audio").receiver)
        return await offer.answer(self._peer, sdp)

    def _zero_wall_s(self) -> float:
        return time.time() - (now_ns() - self._zero_ns) / SECOND

    def _start(self, work) -> None:
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    def _finished(self, task: asyncio.Task) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and task.exception() is not None:
            log.error("call %s failed", self.session[:6], exc_info=task.exception())
            self.hang_up("an error in the server")

    # ---- from the bus

    def take(self, one: Input) -> None:
        """Takes a message of this call."""
        if self._is_closing:
            return
        self._latency.take(one)
        if isinstance(one.message, Packet):
            self._note_loss(one)
        if isinstance(one.message, Packet | Voice | Turn | Floor):
            self._playout.take(one, now_ns())
            self._send_pictures()
            self._tell()
        self.events.take(one)

    def _note_loss(self, packet: Input) -> None:
        """A packet that was lost on the way here leaves all that follow undecodable, up to the next key frame."""
        boot, seq = packet.envelope.boot, packet.envelope.seq
        follows = (boot, seq - 1) == self._packet_boot_seq
        if not follows and not packet.message.key and not self._pictures.needs_key:
            self._pictures.restart("a packet was lost on the bus")
        self._packet_boot_seq = (boot, seq)

    # ---- to the browser

    def _next_sound(self, index: int):
        sound = self._playout.sound(index)
        self._send_pictures()
        self._tell()
        return sound

    def _send_pictures(self) -> None:
        for picture in self._playout.pictures(now_ns()):
            self._pictures.send(picture)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if (due_ns := self._playout.picture_ns) is not None:
            delay_s = max(0, due_ns - now_ns()) / SECOND
            self._timer = asyncio.get_running_loop().call_later(delay_s, self._send_pictures)

    def _tell(self) -> None:
        for output in self._playout.said():
            self._publish(output)
            self._latency.played(output.turn, output.message)
            self.events.played(output.turn, output.message)
        for turn, sentence in self._playout.begun():
            self.events.begun(turn, sentence)

    def _publish(self, output: Output) -> None:
        if self._is_open:
            self._port.publish(output, self.session)

    # ---- from the browser

    def _listen(self, track: MediaStreamTrack) -> None:
        if track.kind == "audio":
            self._start(self._hear(track))

    async def _hear(self, track: MediaStreamTrack) -> None:
        while True:
            try:
                frame = await track.recv()
            except MediaStreamError:
                return
            if self._last_mic:  # the stream goes on where it would be by now
                since_ns = now_ns() - self._last_mic.envelope.sent_ns
                self._mic.start_sample = self._last_mic.message.start_sample + since_ns * MIC_HZ // SECOND
                self._last_mic = None
            for start_sample, block in self._mic.take(frame):
                self._publish(Output(MicAudio(start_sample=start_sample), content=block))

    def _attach(self, channel: RTCDataChannel) -> None:
        self.events.attach(channel)

    def _request_key(self, reason: str) -> None:
        if self._key_timer is not None:
            self._key_reason = reason
            return
        self._publish(Output(KeyframeRequest(reason=reason)))
        self._key_timer = asyncio.get_running_loop().call_later(KEYFRAME_EVERY_S, self._request_waiting_key)

    def _request_waiting_key(self) -> None:
        self._key_timer = None
        reason, self._key_reason = self._key_reason, ""
        if reason:
            self._request_key(reason)

    def _limit(self, bits_per_s: int) -> None:
        ceiling = min(max(bits_per_s, LEAST_BITS_PER_S), MOST_BITS_PER_S)
        if ceiling != self._bits_per_s and now_ns() - self._bitrate_ns >= BITRATE_EVERY_NS:
            self._bits_per_s, self._bitrate_ns = ceiling, now_ns()
            self._publish(Output(Bitrate(bits_per_s=ceiling)))

    # ---- its life

    def _ice_changed(self) -> None:
        if self._peer.iceConnectionState == "completed" and not self._is_open and not self._is_closing:
            self._is_open = True
            self._publish(Output(Session(state="open", user=self._user)))
            self._request_key("a call begins")

    def _connection_changed(self) -> None:
        log.info("call %s is %s", self.session[:6], self._peer.connectionState)
        if self._peer.connectionState == "failed":
            self.hang_up("the connection failed", goes_on=self._is_open)
        elif self._peer.connectionState == "closed":
            self.hang_up("the browser closed the connection")

    def hang_up(self, reason: str, goes_on: bool = False) -> None:
        """Closes soon."""
        if not self._is_closing:
            self._start(self.close(reason, goes_on))

    async def _watch(self) -> None:
        """Closes a call that does not come up, or whose browser fell silent."""
        began_ns = heard_ns = now_ns()
        received = 0
        while True:
            await asyncio.sleep(1)
            if (now_received := await self._packets_received()) != received:
                received, heard_ns = now_received, now_ns()
            if self._peer.connectionState != "connected" and now_ns() - began_ns > CONNECT_S * SECOND:
                return self.hang_up(f"no connection within {CONNECT_S} s")
            if self._peer.connectionState == "connected" and now_ns() - heard_ns > SILENCE_S * SECOND:
                return self.hang_up(f"nothing from the browser for {SILENCE_S} s", goes_on=True)

    async def _packets_received(self) -> int:
        stats = await offer.transceiver(self._peer, "audio").sender.getStats()
        return next((one.packetsReceived for one in stats.values() if one.type == "transport"), 0)

    def lateness_ns(self) -> int:
        """The worst lateness of a sound packet since the last call of this."""
        latest_ns, self._sound.latest_ns = self._sound.latest_ns, 0
        return latest_ns

    async def close(self, reason: str, goes_on: bool = False) -> None:
        """Hangs up; the rest hear of it, unless the call ``goes_on`` with another connection.

        Does nothing the second time.
        """
        if self._is_closing:
            return
        self._is_closing = True
        log.info("call %s closes: %s", self.session[:6], reason)
        for timer in self._timer, self._key_timer:
            if timer is not None:
                timer.cancel()
        self._pictures.stop()
        await self._peer.close()
        self.goes_on = goes_on
        self.is_over.set()
        if not goes_on:
            self._publish(Output(Session(state="closed", reason=reason)))
            self._port.forget(self.session)
        self._is_open = False
        own = asyncio.current_task()
        for task in self._tasks - {own}:
            task.cancel()
        self._over(self)
