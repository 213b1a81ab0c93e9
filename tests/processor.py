"""How fast this processor draws: for tests of promises that hold from a certain speed on."""

import time

import pytest

from actors.arkit import ARKIT
from actors.renderer.splats import SplatEngine
from protocol.run import data_folder

MOST_DRAWING_MS = 16  # a picture, with encoding, sound and a caller beside it on two cores; the usual one takes 7
WITH_BROWSER_MS = 11  # with Chromium there, too: at 12.7 it got 17 to 29 pictures a second, and smaller ones


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


def skip_where_slow(most_ms: float = MOST_DRAWING_MS) -> None:
    """Skips the test where 30 whole pictures a second cannot be drawn, and says how slow it is."""
    if (took_ms := drawing_ms()) > most_ms:
        pytest.skip(f"this processor takes {took_ms:.1f} ms for a picture, more than {most_ms}")
