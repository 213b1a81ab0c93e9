"""``visavis bench bus``: how long a handle takes from one process to another over the bus, with a picture of 720p
behind it.

From just before the message is sent to just after it was received; copying the picture in and out is not part of it.
"""

import argparse
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from protocol.bus import Bus
from protocol.clock import SECOND, now_ns
from protocol.messages import Frame
from protocol.run import REPOSITORY
from shm.ring import Ring

PERIOD_NS = SECOND // 60


def arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--hops", type=int, default=1200, help="messages to send, 60 a second")


def run(args: argparse.Namespace) -> dict:
    with tempfile.TemporaryDirectory(prefix="visavis-") as folder:
        environment = {**os.environ, "VISAVIS_RUN": folder}
        quiet = dict(cwd=REPOSITORY, env=environment, stderr=subprocess.DEVNULL)
        proxy = subprocess.Popen([sys.executable, "-m", "protocol.proxy"], **quiet)
        receiver = subprocess.Popen(
            [sys.executable, "-m", "tools.bench.bus", str(args.hops)], stdout=subprocess.PIPE, text=True, **quiet
        )
        try:
            bus = Bus("renderer", (), Path(folder))
            bus.connect()
            receiver.stdout.readline()  # it has joined
            _send(bus, args.hops)
            hops_us = sorted(float(line) for line in receiver.communicate(timeout=30)[0].split())
            bus.close()
        finally:
            for process in (receiver, proxy):
                process.send_signal(signal.SIGTERM)
                process.wait(10)
    return {
        "hop_us_p50": round(hops_us[len(hops_us) // 2], 1),
        "hop_us_p99": round(hops_us[int(len(hops_us) * 0.99)], 1),
        "hops": len(hops_us),
    }


def _send(bus: Bus, hops: int) -> None:
    ring, planes = Ring("frame", 8, 1280 * 1080), np.zeros((1080, 1280), np.uint8)
    start_ns = now_ns()
    for number in range(hops):
        time.sleep(max(0, start_ns + number * PERIOD_NS - now_ns()) / SECOND)
        bus.publish(Frame(handle=ring.write(planes), frame=number, width=1280, height=720), session="bench")
    ring.close()


def _receive(hops: int) -> None:
    bus = Bus("encoder", (Frame,))
    bus.connect()
    print("joined", flush=True)
    taken: list[float] = []
    while len(taken) < hops:
        messages = bus.receive(5000)
        now = now_ns()
        if not messages:
            break
        taken += [(now - envelope.sent_ns) / 1000 for envelope, _ in messages]
    print("\n".join(f"{hop:.1f}" for hop in taken))
    bus.close()


if __name__ == "__main__":
    _receive(int(sys.argv[1]))
