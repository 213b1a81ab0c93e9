"""Shared memory: what a handle promises."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest
from attrs import evolve

from shm.errors import BadHandle, RingFull
from shm.handle import Handle
from shm.ring import Reader, Restarted, Ring, Stale

FRAME = np.arange(48, dtype=np.uint8).reshape(6, 8)


@pytest.fixture
def ring():
    ring = Ring("test", slots=3, slot_bytes=100)
    yield ring
    ring.close()


def test_what_is_written_is_what_is_read(ring):
    for dtype in ("uint8", "int16", "float32"):
        content = np.arange(20).astype(dtype)
        read = Reader().read(ring.write(content))
        assert read.dtype == content.dtype and np.array_equal(read, content)


def test_a_slot_written_again_is_stale_and_says_by_how_much(ring):
    reader, first = Reader(), ring.write(FRAME)
    for _ in range(3):
        ring.write(FRAME)
    assert reader.read(first) == Stale(behind=1)
    for _ in range(3):
        ring.write(FRAME)
    assert reader.read(first) == Stale(behind=2)


def test_a_slot_being_written_is_stale_until_it_is_published(ring):
    reader, first = Reader(), ring.write(FRAME)
    ring.write(FRAME)
    ring.write(FRAME)
    with ring.loan(FRAME.shape, "uint8") as loan:
        assert reader.read(first) == Stale(behind=1)
        loan.array[...] = 7
    assert (reader.read(loan.handle) == 7).all()


def test_a_loan_left_by_an_exception_publishes_nothing(ring):
    with pytest.raises(ZeroDivisionError), ring.loan(FRAME.shape, "uint8") as loan:
        loan.array[...] = 1 / 0
    assert loan.handle is None
    after = ring.write(FRAME)
    assert (after.slot, after.seq) == (0, 1)
    assert np.array_equal(Reader().read(after), FRAME)


def test_content_larger_than_a_slot_is_refused_with_both_sizes(ring):
    with pytest.raises(RingFull, match=r"needs 400 bytes, a slot has 128"):
        ring.write(np.zeros(100, np.float32))


def test_another_generation_is_restarted(ring):
    handle = ring.write(FRAME)
    assert Reader().read(evolve(handle, generation=handle.generation + 2)) == Restarted(handle.ring)


def test_a_writer_that_is_gone_is_restarted(ring):
    handle = evolve(ring.write(FRAME), ring="/proc/4194303/fd/3")
    assert Reader().read(handle) == Restarted("/proc/4194303/fd/3")


@pytest.mark.parametrize("path", ["/dev/null", "/dev/zero"])
def test_a_number_that_now_belongs_to_something_else_is_restarted(ring, path):
    fd = os.open(path, os.O_RDONLY)
    handle = evolve(ring.write(FRAME), ring=f"/proc/{os.getpid()}/fd/{fd}")
    assert Reader().read(handle) == Restarted(handle.ring)
    os.close(fd)


def test_a_pipe_in_place_of_memory_does_not_block_the_reader(ring):
    reading, writing = os.pipe()
    handle = evolve(ring.write(FRAME), ring=f"/proc/{os.getpid()}/fd/{reading}")
    assert Reader().read(handle) == Restarted(handle.ring)
    os.close(reading)
    os.close(writing)


def test_a_handle_outside_its_ring_is_refused(ring):
    handle = ring.write(FRAME)
    with pytest.raises(BadHandle, match="slot 3 with 48 bytes in a ring of 3 slots of 128 bytes"):
        Reader().read(evolve(handle, slot=3))
    with pytest.raises(BadHandle, match="slot 0 with 1099511627776 bytes"):
        Reader().read(evolve(handle, shape=(2**20, 2**20)))
    with pytest.raises(BadHandle):
        Reader().read(evolve(handle, shape=(-6, -8)))


@pytest.mark.parametrize("ring_path", ["/etc/passwd", "/proc/self/fd/3", "/proc/1/fd/3/../../mem", ""])
def test_a_handle_names_nothing_but_a_file_of_a_process(ring_path):
    with pytest.raises(ValueError):
        Handle(ring_path, 1, 0, 1, (4,), "uint8")


def test_the_reader_of_a_handle_gets_a_copy_of_its_own(ring):
    reader, handle = Reader(), ring.write(FRAME)
    read = reader.read(handle)
    read[...] = 0
    assert np.array_equal(reader.read(handle), FRAME)


WRITER = """
import sys, numpy as np
from shm.ring import Ring
ring = Ring("killed", slots=2, slot_bytes=1 << 20)
handle = ring.write(np.full(1 << 20, 5, np.uint8))
print(handle.ring, handle.generation, handle.slot, handle.seq, flush=True)
sys.stdin.read()
"""


def test_a_killed_writer_leaves_nothing_behind_and_its_content_to_who_knew_it():
    before = set(os.listdir("/dev/shm"))
    writer = subprocess.Popen([sys.executable, "-c", WRITER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    path, *numbers = writer.stdout.readline().split()
    generation, slot, seq = map(int, numbers)
    handle = Handle(path, generation, slot, seq, (1 << 20,), "uint8")
    knew = Reader()
    assert (knew.read(handle) == 5).all()
    writer.send_signal(signal.SIGKILL)
    writer.wait(10)
    writer.stdin.close()
    writer.stdout.close()
    assert (knew.read(handle) == 5).all()
    assert Reader().read(handle) == Restarted(path)
    assert set(os.listdir("/dev/shm")) == before
