"""The parts of `visavis bench budget` and `bench talk --minutes` that need no running system."""

import asyncio
import os

import numpy as np
import psutil
import pytest

from actors.step import Output
from protocol.clock import MS
from protocol.messages import Dialogue, Transcript
from shm.ring import Ring
from tools.bench._growth import Watch, grown_pct, used
from tools.bench._late import Late
from tools.programs import Program

DELAY_NS = 200 * MS


class Says:
    """A machine that says what it hears."""

    wake_ns = None

    def step(self, inputs, now_ns):
        yield from inputs


def words(stage: str) -> Output:
    return Output(Transcript(utterance=1, stage=stage, text="hello"))


def test_what_is_held_back_comes_exactly_so_late_and_in_order_and_the_rest_at_once():
    late = Late(Says(), Transcript, DELAY_NS)
    first, second, other = words("partial"), words("provisional"), Output(Dialogue(state="idle"))
    assert list(late.step([first, other], 0)) == [other]
    assert list(late.step([second], 10 * MS)) == []
    assert late.wake_ns == DELAY_NS
    assert list(late.step([], DELAY_NS - 1)) == []
    assert list(late.step([], DELAY_NS)) == [first]
    assert list(late.step([], late.wake_ns)) == [second]
    assert late.wake_ns is None


def test_words_that_were_found_at_the_pause_are_final_at_once():
    final = words("final")
    assert list(Late(Says(), Transcript, DELAY_NS).step([final], 0)) == [final]


def test_the_machines_own_time_is_kept():
    machine = Says()
    machine.wake_ns = 5
    late = Late(machine, Transcript, DELAY_NS)
    list(late.step([words("partial")], 0))
    assert late.wake_ns == 5


def test_memory_of_a_ring_is_counted_once_and_private_memory_without_it():
    before = used({"one": os.getpid()})
    ring = Ring("test", 4, 1 << 20)
    during = used({"one": os.getpid(), "two": os.getpid()})
    assert during.shared_bytes - before.shared_bytes == pytest.approx(4 << 20, rel=0.01)
    ring.close()
    del ring
    assert used({"one": os.getpid()}).shared_bytes == before.shared_bytes
    held = np.ones(64 << 20, np.uint8)  # more than malloc ever keeps back
    assert used({"one": os.getpid()}).private_bytes["one"] - before.private_bytes["one"] >= 0.9 * held.nbytes


def test_a_program_that_ended_is_no_growth_but_an_error():
    class Ended:
        def all(self):
            # beyond the kernel's highest process number
            return {"gone": Program("gone", "gone", "EXITED", 2**22 + 1, "")}

    async def watch() -> None:
        async with Watch(Ended()):
            await asyncio.sleep(0.01)

    with pytest.raises(psutil.NoSuchProcess):
        asyncio.run(watch())


def test_growth_is_told_from_the_settled_beginning_to_the_end():
    assert grown_pct([1, *[100] * 50, *[103] * 50]) == 3.0
    assert grown_pct([100]) == 0.0
