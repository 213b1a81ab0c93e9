"""Traces: what is written is read again, by us and by the public reader; and what a bad file is told."""

import stat
import struct
import tracemalloc

import mcap.reader
import msgpack
import numpy as np
import pytest
import zstandard

from protocol import codec, topics, trace
from protocol import messages as m
from protocol.clock import SECOND
from protocol.envelope import Envelope
from protocol.trace import BadTrace, TraceReader, TraceWriter
from tests.test_codec import EXAMPLES


def envelope(message, seq=1, session="s", sent_ns=5):
    topic = topics.of(message)
    return Envelope(topic=topic.name, actor=topic.owner.strip("*"), session=session, boot=1, seq=seq, sent_ns=sent_ns)


def write(path, messages, contents=None, **options):
    writer = TraceWriter(path, **options)
    for number, message in enumerate(messages, 1):
        head = envelope(message, number, sent_ns=number * SECOND // 50)
        content = contents[number - 1] if contents else None
        writer.write(head, codec.encode(head, message)[1], head.sent_ns + 100, content)
    writer.close()
    return path


def sounds(count, samples=320):
    rng = np.random.default_rng(0)
    return [rng.integers(-9000, 9000, samples).astype(np.int16) for _ in range(count)]


def mic(count):
    return [m.MicAudio(start_sample=320 * number) for number in range(count)]


@pytest.fixture
def long(tmp_path):
    """60 s of noise, in many chunks."""
    return write(tmp_path / "long.mcap", mic(3000), sounds(3000))


def test_every_message_comes_back_as_it_was_with_its_times_and_its_content(tmp_path):
    recorded = [one for one in EXAMPLES if topics.of(one).recorded]
    content = np.arange(320, dtype=np.int16)
    contents = [content if topics.of(one).name in ("mic", "voice") else None for one in recorded]
    records = list(TraceReader(write(tmp_path / "a.mcap", recorded, contents)))
    assert [one.message for one in records] == recorded
    assert [one.log_ns - one.envelope.sent_ns for one in records] == [100] * len(recorded)
    for record, wanted in zip(records, contents, strict=True):
        assert (record.content is None) == (wanted is None)
        assert wanted is None or np.array_equal(record.content, wanted)


def test_only_its_owner_may_read_it_and_nothing_is_written_over(tmp_path):
    path = write(tmp_path / "a.mcap", mic(1))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError, match="never written over"):
        TraceWriter(path)


def test_the_public_reader_opens_it_and_finds_schemas_and_counts(tmp_path):
    path = write(tmp_path / "a.mcap", mic(10), sounds(10))
    with path.open("rb") as file:
        reader = mcap.reader.make_reader(file)
        summary = reader.get_summary()
        assert summary.statistics.message_count == 20
        schemas = {channel.topic: channel.schema_id for channel in summary.channels.values()}
        assert {"mic", "mic/content", "speech", "packet/content"} <= schemas.keys()
        assert summary.schemas[schemas["mic"]].encoding == "jsonschema"
        (_, channel, message) = next(reader.iter_messages(topics=["mic"]))
        assert channel.message_encoding == "msgpack" and msgpack.unpackb(message.data)[1]["start_sample"] == 0


def test_a_trace_that_was_cut_short_gives_all_that_is_whole_and_then_names_the_place(long):
    data = long.read_bytes()
    long.write_bytes(data[: len(data) * 2 // 3])
    got = []
    with pytest.raises(BadTrace, match=r"long.mcap: the file is cut short.*at byte \d+, \d+\.\d s, \d+ messages in"):
        for record in TraceReader(long):
            got.append(record)
    assert 1500 < len(got) < 2100 and [one.message.start_sample for one in got] == [320 * n for n in range(len(got))]


def test_a_damaged_chunk_is_noticed_and_named(long):
    data = bytearray(long.read_bytes())
    data[len(data) // 2] ^= 0xFF
    long.write_bytes(data)
    with pytest.raises(BadTrace, match=r"damaged chunk record.*at byte \d+"):
        list(TraceReader(long))


@pytest.mark.parametrize("content", [b"", b"RIFF" * 100, b"\x89MCAP0\r\n"])
def test_what_is_no_trace_is_refused_with_its_name(tmp_path, content):
    path = tmp_path / "bad.mcap"
    path.write_bytes(content)
    with pytest.raises(BadTrace, match="bad.mcap: (the file is empty|not an MCAP file|the file is cut short)"):
        TraceReader(path)


def test_a_record_that_claims_to_be_huge_is_refused_before_anything_is_allocated(tmp_path):
    path = write(tmp_path / "a.mcap", mic(5))
    head = path.read_bytes()[:200]
    path.write_bytes(head[:8] + struct.pack("<BQ", 6, 1 << 50))
    tracemalloc.start()
    with pytest.raises(BadTrace, match=f"claims {1 << 50} bytes"):
        TraceReader(path)
    assert tracemalloc.get_traced_memory()[1] < 5_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("claimed", ["frame", "record"])
def test_a_chunk_that_would_unpack_to_more_than_a_limit_is_refused_before_it_is(tmp_path, claimed):
    """In the header of the zstd frame, or in that of the chunk where the frame tells nothing."""
    path = write(tmp_path / "a.mcap", [])
    packer = zstandard.ZstdCompressor(write_content_size=claimed == "frame")
    packed = packer.compress(bytes(65 << 20))
    size = 100 if claimed == "frame" else 65 << 20
    body = (
        struct.pack("<QQQI", 0, 0, size, 0) + struct.pack("<I", 4) + b"zstd" + struct.pack("<Q", len(packed)) + packed
    )
    data = path.read_bytes()
    (header,) = struct.unpack_from("<Q", data, 9)
    begin = 17 + header  # the metadata follows
    (metadata,) = struct.unpack_from("<Q", data, begin + 1)
    path.write_bytes(data[: begin + 9 + metadata] + struct.pack("<BQ", 6, len(body)) + body)
    tracemalloc.start()
    with pytest.raises(BadTrace, match=f"claims {65 << 20} bytes unpacked, more than {64 << 20}"):
        list(TraceReader(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


def test_a_newer_format_is_refused_with_both_numbers(tmp_path, monkeypatch):
    monkeypatch.setattr(trace, "VERSION", 7)
    path = write(tmp_path / "a.mcap", mic(1))
    monkeypatch.undo()
    with pytest.raises(BadTrace, match="format 7, newer than 1"):
        TraceReader(path)


def test_a_message_that_cannot_be_decoded_is_named_by_its_topic_and_number(tmp_path):
    writer = TraceWriter(tmp_path / "a.mcap")
    for number, body in ((1, None), (2, b"\xc1nonsense")):
        head = envelope(mic(1)[0], number)
        writer.write(head, body or codec.encode(head, mic(1)[0])[1], 1)
    writer.close()
    with pytest.raises(BadTrace, match="message 2, on mic, cannot be read"):
        list(TraceReader(tmp_path / "a.mcap"))


def test_topics_of_a_newer_program_are_left_out_and_counted(tmp_path, monkeypatch):
    path = write(tmp_path / "a.mcap", [*mic(2), m.Dialogue(state="idle")])
    monkeypatch.delitem(topics.BY_NAME, "dialogue")
    reader = TraceReader(path)
    assert len(list(reader)) == 2 and reader.skipped == {"dialogue": 1}


def test_memory_follows_the_chunk_and_not_the_file(long):
    tracemalloc.start()
    for _ in TraceReader(long):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert long.stat().st_size > 1_500_000 and peak < 1_500_000
