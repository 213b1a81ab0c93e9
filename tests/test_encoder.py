"""The encoder's machine with its real engine."""

import av
import numpy as np

from actors.encoder.actor import Encoder
from actors.encoder.x264 import X264
from actors.step import Input
from protocol import messages as m
from protocol.clock import MS
from protocol.envelope import Envelope

W, H = 320, 192


def given(message, content=None, seq=1):
    return Input(Envelope(topic="frame", actor="renderer", boot=1, seq=seq, sent_ns=0), message, content)


def picture(number):
    planes = np.full((H * 3 // 2, W), 128, np.uint8)
    planes[:H, (number * 8) % W :] = 200
    return given(m.Frame(frame=number, offset_ns=number * 33 * MS, width=W, height=H), planes, seq=number + 1)


def run(encoder, *steps):
    """steps: (milliseconds, inputs). Returns all outputs."""
    return [output for at_ms, *inputs in steps for output in encoder.step(inputs, at_ms * MS)]


def nal_types(data):
    """Of an Annex B access unit (ITU-T H.264, annex B and 7.3.1)."""
    parts = bytes(data).replace(b"\0\0\0\1", b"\0\0\1").split(b"\0\0\1")[1:]
    return [part[0] & 31 for part in parts]


def test_every_picture_becomes_one_packet_with_its_number_offset_and_cause():
    pictures = [picture(number) for number in range(5)]
    packets = run(Encoder(X264()), *((33 * i, one) for i, one in enumerate(pictures)))
    assert [(p.message.frame, p.message.offset_ns) for p in packets] == [(i, i * 33 * MS) for i in range(5)]
    assert [p.cause for p in packets] == pictures


def test_the_first_packet_stands_alone_and_the_next_do_not():
    packets = run(Encoder(X264()), *((33 * i, picture(i)) for i in range(4)))
    assert [p.message.key for p in packets] == [True, False, False, False]
    assert nal_types(packets[0].content)[:2] == [7, 8] and 5 in nal_types(packets[0].content)
    assert nal_types(packets[1].content) == [1]


def test_a_decoder_shows_the_pictures_again():
    packets = run(Encoder(X264()), *((33 * i, picture(i)) for i in range(6)))
    decoder = av.CodecContext.create("h264", "r")
    shown = [frame for packet in packets for frame in decoder.decode(av.Packet(packet.content.tobytes()))]
    shown += decoder.decode(None)
    assert len(shown) == 6
    last = shown[-1].to_ndarray()[:H].astype(int)
    assert abs(last - picture(5).content[:H].astype(int)).mean() < 3


def test_a_requested_keyframe_comes_with_the_next_picture():
    request = given(m.KeyframeRequest(reason="PLI"))
    packets = run(Encoder(X264()), (0, picture(0)), (400, request), (433, picture(1)), (466, picture(2)))
    assert [p.message.key for p in packets] == [True, True, False]


def test_a_storm_of_requests_is_answered_once_and_the_last_one_is_not_forgotten():
    request = given(m.KeyframeRequest())
    steps = [(33 * i, request, picture(i)) for i in range(20)]
    keys = [i for i, p in enumerate(run(Encoder(X264()), *steps)) if p.message.key]
    assert keys == [0, 10]
    assert [p.message.key for p in run(Encoder(X264()), (0, picture(0)), (50, request), (320, picture(1)))] == [
        True,
        True,
    ]


def test_a_new_size_opens_a_new_stream_with_a_keyframe():
    small = np.full((96, 64), 90, np.uint8)
    other = given(m.Frame(frame=2, width=64, height=64), small)
    packets = run(Encoder(X264()), (0, picture(0)), (33, picture(1)), (66, other))
    assert [p.message.key for p in packets] == [True, False, True]


def test_a_ceiling_said_before_the_first_picture_still_holds():
    random = np.random.default_rng(1)
    noise = [random.integers(0, 255, (H * 3 // 2, W), np.uint8) for _ in range(60)]
    frames = [given(m.Frame(frame=i, width=W, height=H), planes) for i, planes in enumerate(noise)]
    limited = run(
        Encoder(X264()), (0, given(m.Bitrate(bits_per_s=200_000))), *((33 * i, f) for i, f in enumerate(frames))
    )
    free = run(Encoder(X264()), *((33 * i, f) for i, f in enumerate(frames)))
    assert sum(p.content.nbytes for p in limited[30:]) < sum(p.content.nbytes for p in free[30:]) / 2


def test_a_packet_says_the_quality_of_its_picture():
    given_up = given(m.Frame(frame=0, width=W, height=H, quality=2), picture(0).content)
    assert [p.message.quality for p in run(Encoder(X264()), (0, given_up), (33, picture(1)))] == [2, 0]


def test_a_decoder_follows_a_size_that_changes_and_changes_back():
    small = np.full((192, 128), 90, np.uint8)
    steps = [picture(0), given(m.Frame(frame=1, width=128, height=128), small), picture(2)]
    packets = run(Encoder(X264()), *((33 * i, one) for i, one in enumerate(steps)))
    assert all(nal_types(p.content)[:2] == [7, 8] for p in packets)
    decoder = av.CodecContext.create("h264", "r")
    shown = [frame for packet in packets for frame in decoder.decode(av.Packet(packet.content.tobytes()))]
    shown += decoder.decode(None)
    assert [(frame.width, frame.height) for frame in shown] == [(W, H), (128, 128), (W, H)]


def test_a_ceiling_holds_for_the_stream_of_another_size():
    random = np.random.default_rng(1)
    noise = [random.integers(0, 255, (192, 128), np.uint8) for _ in range(60)]
    frames = [given(m.Frame(frame=i, width=128, height=128), planes) for i, planes in enumerate(noise)]
    steps = [(0, given(m.Bitrate(bits_per_s=200_000)), picture(0)), *((33 * i, f) for i, f in enumerate(frames))]
    free = run(Encoder(X264()), *steps[1:])
    limited = run(Encoder(X264()), *steps)
    assert sum(p.content.nbytes for p in limited[31:]) < sum(p.content.nbytes for p in free[30:]) / 2
