"""``visavis trace info FILE``: what is in a trace. ``visavis trace export FILE --out FOLDER``: as sound and film.

In the folder come ``conversation.wav`` (left what the user said, right what he heard) and ``video.mp4`` with the voice,
all beginning with the first sound or picture of the call. Of a damaged trace both give what is whole, and then tell
where the damage is.
"""

import argparse
import wave
from collections import Counter, defaultdict
from collections.abc import Iterator
from pathlib import Path

import av
import numpy as np
from attrs import define, evolve, field
from scipy.signal import resample_poly

from actors.transport.latency import Latency, Log
from protocol.clock import MS, SECOND
from protocol.messages import OUTSIDE_REPLY, MicAudio, Packet, Playout, Session, Voice
from protocol.trace import BadTrace, Record, TraceReader, decodable
from tools import turns
from tools.errors import ToolError
from tools.mp4 import SOUND_HZ, Mp4
from tools.table import print_table


class WhichCall(ToolError):
    """A trace of several calls, or of none; the message lists them."""


class NothingToSee(ToolError):
    """A trace without content."""


def arguments(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    info = commands.add_parser("info", help="duration, calls, messages, turns")
    info.set_defaults(act=_info)
    export = commands.add_parser("export", help="its sound and pictures as files")
    export.add_argument("--out", type=Path, required=True, metavar="FOLDER")
    export.add_argument("--session", help="which call, where there are several")
    export.set_defaults(act=_export)
    for command in (info, export):
        command.add_argument("file", type=Path)


class _Whole:
    """The records of a trace up to its ``damage``, if it has one; that is known after they were gone through."""

    def __init__(self, path: Path):
        self._reader = TraceReader(path)
        self.metadata, self.damage = self._reader.metadata, None

    def __iter__(self) -> Iterator[Record]:
        try:
            yield from self._reader
        except BadTrace as error:
            self.damage = error


def run(args: argparse.Namespace) -> int:
    trace = _Whole(args.file)
    args.act(trace, args)
    if trace.damage:
        raise trace.damage
    return 0


# ---- info


def _info(trace: _Whole, args: argparse.Namespace) -> None:
    messages, sizes, lost = Counter(), Counter(), Counter()
    seen: dict[tuple[str, str, str], tuple[int, int]] = {}
    sessions, log, first_ns, last_ns = {}, Log(), None, 0
    for record in trace:
        envelope = record.envelope
        first_ns = record.log_ns if first_ns is None else first_ns
        last_ns = record.log_ns
        messages[envelope.topic] += 1
        sizes[envelope.topic] += 0 if record.content is None else record.content.nbytes
        key = (envelope.actor, envelope.topic, envelope.session)
        boot, seq = seen.get(key, (envelope.boot, envelope.seq - 1))
        lost[envelope.topic] += max(0, envelope.seq - seq - 1) if boot == envelope.boot else 0
        seen[key] = (envelope.boot, envelope.seq)
        if envelope.session:
            latency = sessions.setdefault(envelope.session, Latency(log))
            if isinstance(record.message, Playout):
                latency.played(envelope.turn, record.message)
            else:
                latency.take(_with_length(record))
    meta = trace.metadata
    began = "" if first_ns is None else f"{meta.local_time(first_ns):%Y-%m-%d %H:%M:%S}, "
    print(
        f"{began}{(last_ns - (first_ns or 0)) / SECOND:.1f} s, {args.file.stat().st_size / 1e6:.1f} MB"
        f"{', without words, sound and likeness' if meta.redacted else ''}"
    )
    print(f"calls: {', '.join(sessions) or 'none'}\n")
    rows = [(name, str(count), f"{sizes[name] / 1e6:.2f}", str(lost[name])) for name, count in messages.items()]
    print_table([("TOPIC", "MESSAGES", "CONTENT MB", "LOST"), *sorted(rows)])
    print()
    turns.show(log.report())


def _with_length(record: Record) -> Record:
    """A voice whose sound is not in the trace still has its length."""
    if record.content is not None or not isinstance(record.message, Voice):
        return record
    handle = record.message.handle
    return evolve(record, content=np.zeros(handle.shape if handle else 0, np.int16))


# ---- export


@define
class _Call:
    """zero_ns: when its first sound or picture was sent, on the clock of the trace. mic: sent_ns of its first block."""

    zero_ns: int | None = None
    mic_ns: int = 0
    mic: dict[int, np.ndarray] = field(factory=dict)  # by first sample
    voices: dict[int, dict[int, np.ndarray]] = field(factory=lambda: defaultdict(dict))  # by turn and first sample
    rate_hz: int = SOUND_HZ
    playouts: dict[int, list[Playout]] = field(factory=lambda: defaultdict(list))
    packets: list[Record] = field(factory=list)


def _export(trace: _Whole, args: argparse.Namespace) -> None:
    call = _read(trace, _session(trace, args.file, args.session))
    if call.zero_ns is None:
        raise NothingToSee(f"{args.file} has neither sound nor pictures of this call")
    args.out.mkdir(parents=True, exist_ok=True)
    user, voice = _mic(call), _heard(call)
    length = max(len(user), len(voice))
    both = np.stack([np.pad(one, (0, length - len(one))) for one in (user, voice)], axis=1)
    with wave.open(str(args.out / "conversation.wav"), "wb") as file:
        file.setparams((2, 2, SOUND_HZ, 0, "NONE", ""))
        file.writeframes(both.astype("<i2").tobytes())
    if any(record.content is not None for record in call.packets):
        with Mp4(args.out / "video.mp4") as film:
            for frame, at_ns in _pictures(call):
                film.show(frame, at_ns)
            film.play(voice)
    print(f"{args.out}: {', '.join(sorted(path.name for path in args.out.iterdir()))}")


def _session(trace: _Whole, path: Path, wanted: str | None) -> str:
    sessions = list({one.envelope.session: None for one in trace if isinstance(one.message, Session)})
    if wanted in sessions:
        return wanted
    if wanted is None and len(sessions) == 1:
        return sessions[0]
    raise WhichCall(f"{path} has {len(sessions)} calls: say which with --session: {', '.join(sessions) or 'none'}")


def _read(trace: _Whole, session: str) -> _Call:
    call = _Call()
    for record in trace:
        if record.envelope.session != session:
            continue
        turn, sent_ns = record.envelope.turn, record.envelope.sent_ns
        if record.content is not None:  # of the others some are older: what was kept from before the trace
            call.zero_ns = sent_ns if call.zero_ns is None else min(call.zero_ns, sent_ns)
        match record.message:
            case MicAudio(start_sample=start) if record.content is not None:
                call.mic_ns = call.mic_ns or sent_ns
                call.mic[start] = record.content
            case Voice(start_sample=start, sample_rate_hz=rate_hz) if record.content is not None:
                call.voices[turn][start], call.rate_hz = record.content, rate_hz
            case Playout() as playout:
                call.playouts[turn].append(playout)
            case Packet():
                call.packets.append(record)
    return call


def _place(track: np.ndarray, at: int, sound: np.ndarray) -> np.ndarray:
    """``sound`` from sample ``at`` on; the track grows."""
    if at < 0:
        at, sound = 0, sound[-at:]
    if at + len(sound) > len(track):
        track = np.pad(track, (0, 2 * (at + len(sound)) - len(track)))
    track[at : at + len(sound)] = sound
    return track


def _mic(call: _Call) -> np.ndarray:
    """int16 [samples] at 48 kHz: from when the first block came, silence where one is missing."""
    if not call.mic:
        return np.zeros(0, np.int16)
    first = min(call.mic)
    sound = resample_poly(_joined({start - first: block for start, block in call.mic.items()}).astype(np.float64), 3, 1)
    before = np.zeros((call.mic_ns - call.zero_ns) * SOUND_HZ // SECOND)
    return np.concatenate([before, sound]).clip(-32768, 32767).astype(np.int16)


def _joined(blocks: dict[int, np.ndarray]) -> np.ndarray:
    """int16 blocks by their first sample, silence between them."""
    whole = np.zeros(max(start + len(block) for start, block in blocks.items()), np.int16)
    for start, block in blocks.items():
        whole[start : start + len(block)] = block
    return whole


def _heard(call: _Call) -> np.ndarray:
    """int16 [samples] at 48 kHz: of each reply what was played, when it was."""
    track, end = np.zeros(0, np.int16), 0
    for turn, playouts in call.playouts.items():
        blocks = call.voices.get(turn)
        if not blocks:
            continue
        sound = resample_poly(_joined(blocks).astype(np.float64), SOUND_HZ, call.rate_hz)
        sound = sound.clip(-32768, 32767).astype(np.int16)
        for now, later in zip(playouts, playouts[1:], strict=False):
            first, last = (int(one.heard_ms * SOUND_HZ / 1000) for one in (now, later))
            at = (now.anchor_ns - call.zero_ns) * SOUND_HZ // SECOND + first
            track = _place(track, at, sound[first:last])
            end = max(end, at + max(0, last - first))
    return track[:end]


def _pictures(call: _Call) -> Iterator[tuple[av.VideoFrame, int]]:
    """Each with its time in ns: those of a reply when their sound is heard, the others when they came."""
    anchors = {turn: playouts[0].anchor_ns for turn, playouts in call.playouts.items()}
    decoder = av.CodecContext.create("h264", "r")
    decoder.flags |= av.codec.context.Flags.low_delay
    last_ns = -1
    for record in decodable(call.packets):
        at_ns = record.envelope.sent_ns
        if record.message.offset_ns != OUTSIDE_REPLY and record.envelope.turn in anchors:
            at_ns = max(at_ns, anchors[record.envelope.turn] + record.message.offset_ns)
        for frame in decoder.decode(av.Packet(record.content.tobytes())):
            last_ns = max(last_ns + MS, at_ns - call.zero_ns)
            yield frame, last_ns
