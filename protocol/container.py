"""An MCAP file (mcap.dev/spec) record by record: bounded in memory whatever a damaged file claims."""

import os
import struct
from collections.abc import Iterator
from io import BytesIO
from typing import BinaryIO

import zstandard
from mcap.data_stream import ReadDataStream
from mcap.exceptions import McapError
from mcap.opcode import Opcode
from mcap.records import Channel, Chunk, Header, McapRecord, Message, Metadata
from mcap.stream_reader import breakup_chunk
from mcap.writer import MCAP0_MAGIC

from protocol.errors import ProtocolError

MOST_BYTES = 64 << 20  # of a record, packed or not
HEAD = struct.Struct("<BQ")  # of each record: opcode, length


class Damaged(ProtocolError):
    """The file is no MCAP, or not from ``offset`` bytes on."""

    def __init__(self, reason: str, offset: int):
        super().__init__(reason)
        self.offset = offset


def records(file: BinaryIO) -> Iterator[tuple[int, McapRecord]]:
    """Header, Metadata, Channel and Message records in the order of the file, each with the byte offset where it, or
    its chunk, begins. Raises Damaged after the last that is whole.
    """
    source = _Source(file)
    if source.size == 0:
        raise Damaged("the file is empty", 0)
    if source.size < len(MCAP0_MAGIC) or source.take(len(MCAP0_MAGIC)) != MCAP0_MAGIC:
        raise Damaged("not an MCAP file", 0)
    opcode = None
    while opcode != Opcode.FOOTER:
        source.begin()
        opcode, length = HEAD.unpack(source.take(HEAD.size))
        if length > MOST_BYTES:
            raise Damaged(f"a record claims {length} bytes, more than {MOST_BYTES}", source.began)
        body = source.take(length)
        try:
            found = _understood(opcode, body)
        # what the libraries raise for bytes they cannot take
        except (McapError, ValueError, struct.error, zstandard.ZstdError) as error:
            reason = f"a damaged {_name(opcode)} record: {error or type(error).__name__}"
            raise Damaged(reason, source.began) from error
        for record in found:
            yield source.began, record
    source.begin()
    if source.take(len(MCAP0_MAGIC)) != MCAP0_MAGIC:
        raise Damaged("it does not end as an MCAP file does", source.began)


class _Source:
    """Reads what is there, or raises Damaged."""

    def __init__(self, file: BinaryIO):
        self._file, self.size = file, os.fstat(file.fileno()).st_size
        self._offset = self.began = 0

    def begin(self) -> None:
        """A record starts here."""
        self.began = self._offset

    def take(self, count: int) -> bytes:
        if count > self.size - self._offset:
            raise Damaged("the file is cut short: its recorder was killed, or not all of it was copied", self.began)
        self._offset += count
        return self._file.read(count)


def _name(opcode: int) -> str:
    return next((one.name.lower() for one in Opcode if one == opcode), f"number {opcode}")


def _understood(opcode: int, body: bytes) -> list[McapRecord]:
    stream = ReadDataStream(BytesIO(body))
    match opcode:
        case Opcode.CHUNK:
            return _unpacked(Chunk.read(stream))
        case Opcode.MESSAGE:
            return [Message.read(stream, len(body))]
        case Opcode.HEADER | Opcode.METADATA | Opcode.CHANNEL:
            kind = {Opcode.HEADER: Header, Opcode.METADATA: Metadata, Opcode.CHANNEL: Channel}[opcode]
            return [kind.read(stream)]
    return []  # indexes, statistics, and what is newer than this program


def _unpacked(chunk: Chunk) -> list[McapRecord]:
    if chunk.compression not in ("", "zstd"):
        raise ValueError(f"packed with {chunk.compression!r}; zstd is known here")
    sizes = [chunk.uncompressed_size]
    if chunk.compression:
        sizes.append(zstandard.frame_content_size(chunk.data))  # what would be allocated for it
    if max(sizes) > MOST_BYTES:
        raise ValueError(f"it claims {max(sizes)} bytes unpacked, more than {MOST_BYTES}")
    return [one for one in breakup_chunk(chunk, validate_crc=True) if isinstance(one, Channel | Message)]
