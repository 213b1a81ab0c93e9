"""What measures the skew is itself measured: on pictures that are late by a known time."""

import numpy as np
import pytest

from actors.animator.actor import Animator
from actors.animator.rules import Rules
from actors.renderer.splats import SplatEngine
from actors.renderer.yuv import split_i420
from actors.step import Input
from actors.tts.actor import Tts
from actors.tts.flite import Flite
from protocol.clock import MS, SECOND
from protocol.envelope import Envelope
from protocol.messages import OUTSIDE_REPLY, Phones, Playout, Reply, Session
from protocol.run import data_folder
from tools import lips
from tools.caller import RATE_HZ
from tools.recording import Sound
from tools.reference import reference

AVATAR = data_folder() / "avatar.ply"
SENTENCES = ["Hello there, I am happy to see you.", "My mama bought a big blue balloon."]
START_NS = 5 * SECOND

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


def given(message, at_ns=0):
    return Input(Envelope(topic="reply", actor="x", turn=1, boot=1, seq=1, sent_ns=at_ns), message)


@pytest.fixture(scope="module")
def film(voice):
    """Of the reply as the real animator and renderer make it, each picture at the time it belongs to."""
    tts, phones = Tts(voice), []
    inputs = [given(Reply(sentence=i, text=text, last=i == 1)) for i, text in enumerate(SENTENCES)]
    while outputs := list(tts.step(inputs, 0)):
        phones += [output.message for output in outputs if isinstance(output.message, Phones)]
        inputs = []
    engine = SplatEngine(AVATAR)
    engine.load()
    stage, animator = engine.open(640, 360), Animator(Rules(), "seed")
    inputs, now_ns, times, pictures = [given(Session(state="open"), START_NS - SECOND)], START_NS - SECOND, [], []
    while now_ns < START_NS + 6 * SECOND:
        if now_ns >= START_NS and phones:
            inputs = [given(one, START_NS) for one in phones]
            inputs.append(given(Playout(state="started", anchor_ns=START_NS, heard_ms=0), START_NS))
            phones = []
        for output in animator.step(inputs, now_ns):
            face = output.message
            grey = split_i420(stage.draw(face.weights, face.head_rad, face.head_m, face.gaze_rad))[0]
            pictures.append(grey.reshape(90, 4, 160, 4).mean((1, 3)).astype(np.uint8))
            times.append(now_ns if face.offset_ns == OUTSIDE_REPLY else START_NS + face.offset_ns)
        inputs = []
        now_ns = max(now_ns + MS, min(animator.wake_ns, START_NS if phones else animator.wake_ns))
    return lips.Film(np.array(times), np.array(pictures))


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
