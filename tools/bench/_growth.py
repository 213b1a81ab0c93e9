"""Whether a running system takes more and more memory, looked at from outside while a call goes on."""

import asyncio
import os
import statistics
from collections.abc import Mapping
from contextlib import suppress

import psutil
from attrs import frozen

from tools.programs import Programs

EVERY_S = 5.0
SETTLED = 0.1  # share of the time after which the first calls' growth is over
WINDOW = 0.2  # share of the time that is compared
RING = "/memfd:visavis."  # how shm/ring.py names its memory


@frozen
class Used:
    """private_bytes: by process, without what they share. shared_bytes: of all rings, each counted once."""

    private_bytes: Mapping[str, int]
    shared_bytes: int


def used(pids: Mapping[str, int]) -> Used:
    private, rings = {}, {}
    for name, pid in pids.items():
        memory = psutil.Process(pid).memory_info()
        private[name] = memory.rss - memory.shared
        for number in os.listdir(f"/proc/{pid}/fd"):
            with suppress(FileNotFoundError):  # closed since it was listed
                path = f"/proc/{pid}/fd/{number}"
                if os.readlink(path).startswith(RING):
                    status = os.stat(path)
                    rings[status.st_ino] = status.st_size
    return Used(private, sum(rings.values()))


class Watch:
    """``async with Watch(programs)``: looks every few seconds."""

    def __init__(self, programs: Programs):
        self._pids = {name: program.pid for name, program in programs.all().items() if program.pid}
        self.seen: list[Used] = []

    async def __aenter__(self) -> "Watch":
        self._task = asyncio.create_task(self._look())
        return self

    async def __aexit__(self, *_) -> None:
        if not self._task.cancel():
            self._task.result()  # raises why it looked no more: a program has ended

    async def _look(self) -> None:
        while True:
            self.seen.append(used(self._pids))
            await asyncio.sleep(EVERY_S)

    def growth(self) -> dict:
        """Percent that the end of the time has more than its beginning, the very first part of it left out."""
        return {
            "memory_growth_pct": grown_pct([sum(one.private_bytes.values()) for one in self.seen]),
            "memory_growth_pct_by_program": {
                name: grown_pct([one.private_bytes[name] for one in self.seen]) for name in self._pids
            },
            "memory_mb_by_program": {name: round(size / 1e6, 1) for name, size in self.seen[-1].private_bytes.items()},
            "shm_growth_pct": grown_pct([one.shared_bytes for one in self.seen]),
            "shm_mb": round(self.seen[-1].shared_bytes / 1e6, 1),
        }


def grown_pct(sizes: list[int]) -> float:
    settled = sizes[int(SETTLED * len(sizes)) :]
    count = max(1, int(WINDOW * len(sizes)))
    return round(100 * (statistics.median(settled[-count:]) / statistics.median(settled[:count]) - 1), 2)
