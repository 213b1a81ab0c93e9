"""A ring in shared memory: one writer, any readers, fixed slots, no locks.

The memory is a Linux memfd, which has no name: the kernel frees it when its last user is gone, whatever ended them, so
no exit leaves anything behind. Readers open it as ``/proc/PID/fd/FD`` of the writer (same user only), and keep it
mapped, so that what a dead writer published stays readable to those who knew it.

Layout: a header of 64 bytes (magic, version, slots, slot bytes, generation), then per slot a header of 64 bytes whose
first word is a sequence lock (odd while written, 2 * seq when published), then the slots' bytes. The lock relies on
stores becoming visible in program order, as x86 gives it; on weaker machines the bus message that carries the handle
orders them.
"""

import math
import mmap
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
from attrs import frozen

from shm.errors import BadHandle, RingFull
from shm.handle import Handle

MAGIC = 0x7669_7361_7669_7331  # "visavis1"
LINE = 64  # bytes of a cache line: headers of neighbours do not share one
MAGIC_AT, SLOTS_AT, SLOT_BYTES_AT, GENERATION_AT = range(4)


@frozen
class Stale:
    """The slot was written again before it was read: the reader is ``behind`` publications of that slot late."""

    behind: int


@frozen
class Restarted:
    """The ring is gone or belongs to another generation: its writer restarted."""

    ring: str


def _round_up(size: int) -> int:
    return -(-size // LINE) * LINE


def _header_words(memory: mmap.mmap) -> np.ndarray:
    return np.frombuffer(memory, np.uint64, LINE // 8)


class _Layout:
    """Views into a mapped ring, alike for the writer and the readers."""

    def __init__(self, memory: mmap.mmap, slots: int, slot_bytes: int):
        self.locks = np.frombuffer(memory, np.uint64, slots * LINE // 8, LINE)[:: LINE // 8]
        self.bytes = np.frombuffer(memory, np.uint8, slots * slot_bytes, LINE + slots * LINE).reshape(slots, slot_bytes)


class Ring:
    """The writer's end. ``slot_bytes`` is rounded up to a whole cache line."""

    def __init__(self, name: str, slots: int, slot_bytes: int):
        slot_bytes = _round_up(slot_bytes)
        size = LINE + slots * (LINE + slot_bytes)
        self._fd = os.memfd_create(f"visavis.{name}", os.MFD_CLOEXEC)
        os.ftruncate(self._fd, size)
        memory = mmap.mmap(self._fd, size)
        header = _header_words(memory)
        self.generation = secrets.randbits(62) | 1
        header[SLOTS_AT], header[SLOT_BYTES_AT], header[GENERATION_AT] = slots, slot_bytes, self.generation
        header[MAGIC_AT] = MAGIC
        self._layout = _Layout(memory, slots, slot_bytes)
        self._published = 0
        self.path = f"/proc/{os.getpid()}/fd/{self._fd}"

    @contextmanager
    def loan(self, shape: tuple[int, ...], dtype: str) -> Iterator["Loan"]:
        """A writable array in the next slot. Leaving publishes it; leaving by an exception does not.

        Raises RingFull where the array is larger than a slot.
        """
        size = math.prod(shape) * np.dtype(dtype).itemsize
        slots, slot_bytes = self._layout.bytes.shape
        if size > slot_bytes:
            raise RingFull(f"{shape} {dtype} needs {size} bytes, a slot has {slot_bytes}")
        seq = self._published // slots + 1
        slot = self._published % slots
        self._layout.locks[slot] = 2 * seq - 1
        loan = Loan(self._layout.bytes[slot, :size].view(dtype).reshape(shape))
        yield loan
        self._layout.locks[slot] = 2 * seq
        self._published += 1
        loan.handle = Handle(self.path, self.generation, slot, seq, tuple(shape), np.dtype(dtype).name)

    def write(self, content: np.ndarray) -> Handle:
        """Copies ``content`` into the next slot and publishes it."""
        with self.loan(content.shape, content.dtype.name) as loan:
            loan.array[...] = content
        return loan.handle

    def close(self) -> None:
        """Gives the memory back; readers that have it mapped keep what was published."""
        os.close(self._fd)


class Loan:
    """``array`` to fill inside the ``with``; ``handle`` to send after it."""

    def __init__(self, array: np.ndarray):
        self.array = array
        self.handle: Handle | None = None


class Reader:
    """The readers' end: maps each ring once and reads handles of any of them."""

    KEPT = 64  # rings; a restarted writer's old ring is the first to go

    def __init__(self):
        self._rings: dict[tuple[str, int], _Layout] = {}

    def read(self, handle: Handle) -> np.ndarray | Stale | Restarted:
        """A copy of the content. Raises BadHandle where the handle cannot point into the ring it names."""
        layout = self._rings.get((handle.ring, handle.generation)) or self._open(handle)
        if layout is None:
            return Restarted(handle.ring)
        slots, slot_bytes = layout.bytes.shape
        size = math.prod(handle.shape) * np.dtype(handle.dtype).itemsize
        if handle.slot >= slots or min(handle.shape, default=0) < 0 or size > slot_bytes:
            raise BadHandle(f"slot {handle.slot} with {size} bytes in a ring of {slots} slots of {slot_bytes} bytes")
        if (before := int(layout.locks[handle.slot])) != 2 * handle.seq:
            return Stale((before + 1) // 2 - handle.seq)
        content = layout.bytes[handle.slot, :size].view(handle.dtype).reshape(handle.shape).copy()
        if (after := int(layout.locks[handle.slot])) != before:
            return Stale((after + 1) // 2 - handle.seq)
        return content

    def drop(self, ring: str, generation: int) -> None:
        """Gives a ring back: its memory is free once its writer has done the same."""
        self._rings.pop((ring, generation), None)

    def _open(self, handle: Handle) -> _Layout | None:
        try:
            fd = os.open(handle.ring, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        except OSError:  # the writer is gone, or its number belongs to somebody else by now
            return None
        try:
            size = os.fstat(fd).st_size
            if size < 2 * LINE:
                return None
            memory = mmap.mmap(fd, size, prot=mmap.PROT_READ)
        except (OSError, ValueError):  # the number is reused for something that is no memory
            return None
        finally:
            os.close(fd)
        magic, slots, slot_bytes, generation = (int(word) for word in _header_words(memory)[:4])
        if magic != MAGIC or generation != handle.generation or size != LINE + slots * (LINE + slot_bytes):
            return None
        while len(self._rings) >= self.KEPT:
            del self._rings[next(iter(self._rings))]
        layout = self._rings[handle.ring, handle.generation] = _Layout(memory, slots, slot_bytes)
        return layout
