"""What measures the skew is itself measured: on pictures that are late by a known time."""

import numpy as np
import pytest

from actors.renderer.splats import SplatEngine
from actors.renderer.yuv import split_i420
from actors.tts.flite import Flite
from protocol.clock import MS, SECOND
from protocol.run import data_folder
from tools import lips
from tools.avatar.film import BEFORE_S, faces, frames_of
from tools.caller import RATE_HZ
from tools.mp4 import FPS
from tools.recording import Sound
from tools.reference import reference

AVATAR = data_folder() / "avatar.ply"
SENTENCES = ["Hello there, I am happy to see you.", "My mama bought a big blue balloon."]
START_NS = round(BEFORE_S * SECOND)

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not AVATAR.is_file(), reason=f"no {AVATAR}: run ./tools/setup"),
    pytest.mark.skipif(bool(Flite().missing()), reason=f"{Flite().missing()}"),
]


@pytest.fixture(scope="module")
def voice():
    voice = Flite()
    voice.load()
    yield voice
    voice.close()


@pytest.fixture(scope="module")
def film(voice):
    """Of the reply as the real animator and renderer make it, each picture at the time it belongs to."""
    engine = SplatEngine(AVATAR)
    engine.load()
    stage, said = engine.open(640, 360), reference(SENTENCES, voice)
    pictures = []
    for face in faces(said, frames_of(said, after_s=1.0)):
        grey = split_i420(stage.draw(face.weights, face.head_rad, face.head_m, face.gaze_rad))[0]
        pictures.append(grey.reshape(90, 4, 160, 4).mean((1, 3)).astype(np.uint8))
    return lips.Film(np.arange(len(pictures)) * SECOND // FPS, np.array(pictures))


def late(film: lips.Film, ms: int) -> lips.Film:
    return lips.Film(film.at_ns + ms * MS, film.grey)


@pytest.mark.parametrize("late_ms", [-120, -40, 0, 40, 120])
def test_lips_that_are_late_by_a_known_time_are_measured_so(film, voice, late_ms):
    wanted = reference(SENTENCES, voice)
    during = late(film, late_ms).between(START_NS, START_NS + len(wanted.pcm) * SECOND // RATE_HZ)
    shown = lips.Shown(during, wanted, START_NS)
    assert shown.lag_ms(lips.find_mouth([shown])) == pytest.approx(late_ms, abs=15)


def test_the_first_movement_is_found_at_the_reply_and_not_in_the_rest_before(film, voice):
    wanted = reference(SENTENCES, voice)
    shown = lips.Shown(film.between(START_NS, START_NS + 4 * SECOND), wanted, START_NS)
    moved_ns = lips.first_movement_ns(film, START_NS - 100 * MS, lips.find_mouth([shown]))
    assert 0 <= (moved_ns - START_NS) / MS <= 200


def sound(pcm: np.ndarray, delay_ms: int) -> Sound:
    pcm = np.concatenate([np.zeros(delay_ms * RATE_HZ // 1000), pcm, np.zeros(RATE_HZ)]).astype(np.int16)
    arrivals_ns = START_NS + np.arange(len(pcm) // 960 + 1) * 20 * MS
    return Sound(pcm, START_NS, arrivals_ns)


def test_the_reply_is_found_in_what_was_heard_and_another_sound_is_not_taken_for_it(voice):
    wanted = reference(SENTENCES, voice)
    heard = sound(wanted.pcm, delay_ms=400)
    assert lips.reply_start_ns(heard, START_NS, START_NS + 9 * SECOND, wanted) == START_NS + 400 * MS
    other = reference(["Something else is said here, for as long as that takes."], voice)
    assert lips.reply_start_ns(heard, START_NS, START_NS + 9 * SECOND, other) is None


def test_the_first_audible_sample_counts_from_when_its_packet_came():
    pcm = np.zeros(48_000)
    pcm[9_600 + 480 :] = 3000
    heard = sound(pcm, delay_ms=0)
    heard.arrivals_ns[10] += 7 * MS
    assert lips.first_audible_ns(heard, START_NS, START_NS + SECOND) == START_NS + 217 * MS
    assert lips.first_audible_ns(heard, START_NS, START_NS + 150 * MS) is None
