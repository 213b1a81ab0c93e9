"""How fast this processor draws: for tests of promises that hold from a certain speed on."""

import time

import pytest

from actors.arkit import ARKIT
from actors.renderer.splats import SplatEngine
from protocol.run import data_folder

MOST_DRAWING_MS = 16  # a picture, with encoding, sound and a caller beside it on two cores; the usual one takes 7


def drawing_ms() -> float:
    """Processor time of one picture of the default face, median."""
    engine = SplatEngine(data_folder() / "avatar.ply")
    engine.load()
    stage = engine.open(1280, 720)
    took = []
    for number in range(12):
        began = time.thread_time()
        stage.draw([0.1 * (number % 3)] * len(ARKIT))
        took.append(time.thread_time() - began)
    engine.close()
    return 1000 * sorted(took)[len(took) // 2]


def skip_where_slow() -> None:
    """Skips the test where 30 whole pictures a second cannot be drawn, and says how slow it is."""
    if (took_ms := drawing_ms()) > MOST_DRAWING_MS:
        pytest.skip(f"this processor takes {took_ms:.0f} ms for a picture, more than {MOST_DRAWING_MS}")
