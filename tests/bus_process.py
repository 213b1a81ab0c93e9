"""The real bus in a process of its own, and waiting for what comes over it."""

import os
import subprocess
import sys
from pathlib import Path

from actors.step import Input
from protocol.clock import SECOND, now_ns

ROOT = Path(__file__).parents[1]


def start_bus(run_folder: Path) -> subprocess.Popen:
    environment = {**os.environ, "VISAVIS_RUN": str(run_folder)}
    command = [sys.executable, "-m", "protocol.proxy"]
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=subprocess.DEVNULL)


def receive(end, kind, seconds=5.0) -> list:
    """The messages of a type, as soon as there is one."""
    deadline = now_ns() + int(seconds * SECOND)
    while now_ns() < deadline:
        got = [(one.envelope, one.message) if isinstance(one, Input) else one for one in end.receive(50)]
        if got := [pair for pair in got if isinstance(pair[1], kind)]:
            return got
    return []
